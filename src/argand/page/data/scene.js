"use strict";
// What is drawn of a frame: balls, sticks, polyhedra and the cell, as parts for the card and a list of atoms.
const scene = (() => {
  const {cartesian, plus, minus, times, row} = crystal;
  // By hand, Å: sizes of balls and sticks, as those of Mercury and VESTA.
  const STICK = 0.1, BALL = 0.36, SMALL = 0.2;
  // By hand, px: half widths of lines that do not grow.
  const WIRE = 1.1, EDGE = 0.7, SIDE = 0.6;
  // Colours of a, b, c that differ for all (Okabe and Ito, 2008); brighter ones on dark ground.
  const axes = dark => (dark ? ["#ff9a4d", "#3ccfa0", "#56b4e9"] : ["#d55e00", "#00805d", "#0072b2"]);
  const SOFT = "#808b97";

  const colours = new Map();
  // "#rrggbb" as three numbers in [0, 1].
  function rgb(text) {
    if (!colours.has(text)) {
      const full = /^#\w{3}$/.test(text) ? text.replace(/\w/g, "$&$&") : text;
      colours.set(text, [1, 3, 5].map(i => parseInt(full.slice(i, i + 2), 16) / 255));
    }
    return colours.get(text);
  }

  const radius = (look, style) => style === "space" ? look[2]
    : style === "wire" ? 0.05 : look[0] === "H" ? SMALL : BALL * Math.min(1.5, Math.max(0.8, look[1] / 1.1));

  // By hand: dark elements such as carbon are paler on a dark ground.
  const DIM = 0.45, PALER = 0.3;
  const brighter = look => {
    const tint = rgb(look[4]);
    if (0.3 * tint[0] + 0.59 * tint[1] + 0.11 * tint[2] > DIM) return look;
    const hex = tint.map(x => Math.round(255 * (x + PALER * (1 - x))).toString(16).padStart(2, "0"));
    return [...look.slice(0, 4), `#${hex.join("")}`];
  };

  // Everything of a frame for these options: {style, range, cell, all (polyhedra), hydrogen}.
  function built(known, looks, options) {
    const drawn = packing.drawn(known, packing.fitting(known, options.range, options.unlike), options.all);
    const seen = options.dark
      ? Object.fromEntries(Object.entries(looks).map(([z, look]) => [z, brighter(look)])) : looks;
    const atoms = [...drawn.atoms].map(([key, one]) =>
      ({key, ...described(known, seen, one, options.style)}));
    const solid = options.style === "polyhedra" ? polyhedra.of(known, drawn, options.all) : [];
    const sticks = options.style === "space" ? [] : bondSticks(known, drawn, atoms, options);
    const parts = [part("balls", atoms.flatMap(one => [...one.p, one.radius, ...rgb(one.colour)])),
      Object.assign(part("sticks", sticks), {thick: options.style === "wire" ? WIRE : 0}),
        ...faces(solid, seen)];
    const box = known.frame.periodic && options.cell
      ? cell(known.frame.lattice, axes(options.dark), drawn.range[0] ? 1 : drawn.range[1]) : null;
    if (box) parts.unshift(box.part);
    return {known, atoms, parts, solid, box, left: drawn.left, bonds: sticks.length / 14,
      places: atoms.map(one => one.f)};
  }

  const part = (kind, values) => ({kind, values: new Float32Array(values)});

  function described(known, looks, {site, shift, f, p}, style) {
    const {parent, operation, element} = known.sites[site], {frame} = known, look = looks[element];
    const label = frame.labels[parent] || `${look[0]}${parent + 1}`;
    const own = frame.places[parent], plain = minus(f, crystal.applied(operation, frame.turns, own));
    const move = [0, 1, 2].map(k => operation[9 + k] / frame.turns + Math.round(plain[k]));
    const told = crystal.operationText(operation, move), mate = frame.periodic && told !== "x, y, z";
    const given = frame.periodic ? f.map(x => x.toFixed(4)).join(", ")
      : `${own.map((_, k) => (p[k] + frame.origin[k]).toFixed(3)).join(", ")} Å`;
    const detail = (frame.details[parent] || `${label} (${look[0]}): ${given}`)
      + (mate ? `; at ${told}` : "");
    return {p, f, site, element, symbol: look[0], label, mate, detail, colour: look[4],
      radius: radius(look, style)};
  }

  // Each bond between drawn atoms once, in the colours of its ends.
  function bondSticks(known, drawn, atoms, {style, all}) {
    const values = [], number = new Map([...drawn.atoms.keys()].map((key, i) => [key, i]));
    let i = -1;
    for (const one of drawn.atoms.values()) {
      i += 1;
      for (const bond of known.bonds[one.site]) {
        const j = number.get(drawn.code(bond.to, plus(one.shift, bond.shift)));
        if (j === undefined || j <= i || !all && (known.guests[one.site] || known.guests[bond.to])) continue;
        const [a, b] = [atoms[i], atoms[j]], cut = 0.5 + (a.radius - b.radius) / (2 * bond.length);
        values.push(...a.p, ...b.p, style === "wire" ? 0.01 : STICK, cut, ...rgb(a.colour), ...rgb(b.colour));
      }
    }
    return values;
  }

  function faces(solid, looks) {
    if (!solid.length) return [];
    const values = [], middles = [], lines = [];
    for (const one of solid) {
      const tint = rgb(looks[one.element][4]), dark = tint.map(x => 0.55 * x);
      for (const {normal, ring} of one.faces) {
        const corners = ring.map(m => one.points[m]);
        corners.forEach((p, m) => {
          const q = corners[(m + 1) % corners.length];
          // Each edge once, of the two faces that it bounds.
          const forth = p[0] < q[0] || p[0] === q[0] && (p[1] < q[1] || p[1] === q[1] && p[2] < q[2]);
          if (forth) lines.push(...p, ...q, 0.012, 1, ...dark, ...dark);
          if (m < 1 || m > corners.length - 2) return;
          const three = [corners[0], p, q];
          three.forEach(corner => values.push(...corner, ...normal, ...tint));
          middles.push(times(three.reduce(plus), 1 / 3));
        });
      }
    }
    const indices = new Uint32Array(values.length / 9).map((_, m) => m);
    return [Object.assign(part("sticks", lines), {thick: SIDE, flat: 0.7}),
      Object.assign(part("faces", values), {indices, middles, opacity: 0.62})];
  }

  // The edges of the cell, or of `count` in each direction, its axes coloured, and where their letters stand.
  function cell(lattice, tints, count) {
    const soft = rgb(SOFT), values = [];
    const corner = bits => cartesian(lattice, [bits & 1, bits >> 1 & 1, bits >> 2].map(x => x * count));
    const line = (axis, i, j) => {
      const from = [0, 0, 0], to = [0, 0, 0];
      [from[(axis + 1) % 3], from[(axis + 2) % 3]] = [to[(axis + 1) % 3], to[(axis + 2) % 3]] = [i, j];
      to[axis] = count;
      values.push(...cartesian(lattice, from), ...cartesian(lattice, to), 0.004, 1, ...soft, ...soft);
    };
    for (let axis = 0; axis < 3; axis++) {
      for (let i = 0; i <= count; i++) for (let j = 0; j <= count; j++) line(axis, i, j);
      const tint = rgb(tints[axis]);
      values.push(0, 0, 0, ...row(lattice, axis), 0.03, 1, ...tint, ...tint);
    }
    const letters = [["o", [0, 0, 0]], ...[0, 1, 2].map(k => ["abc"[k], row(lattice, k)])];
    return {part: Object.assign(part("sticks", values), {thick: EDGE, flat: 0.6}), letters,
      corners: Array.from({length: 8}, (_, bits) => corner(bits))};
  }

  // A contour for the card, as a sheet or as its net of lines.
  function contourPart(mesh, tint, net) {
    const count = mesh.positions.length / 3, values = new Float32Array(9 * count), colour = rgb(tint);
    for (let i = 0; i < count; i++) {
      values.set(mesh.positions.subarray(3 * i, 3 * i + 3), 9 * i);
      values.set(mesh.normals.subarray(3 * i, 3 * i + 3), 9 * i + 3);
      values.set(colour, 9 * i + 6);
    }
    return {kind: "faces", values, indices: net ? mesh.edges : mesh.indices, lines: net, flat: net ? 1 : 0,
      opacity: net ? 1 : 0.6, glass: 1};
  }

  return {built, contourPart, rgb, axes};
})();
