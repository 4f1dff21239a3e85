"use strict";
// Distances, angles and torsions of atoms that were clicked, and the words and letters over a drawing.
const measure = (() => {
  const {minus, cross, dot, length, unit} = crystal;
  const degrees = x => x * 180 / Math.PI;

  const distance = (a, b) => length(minus(a, b));
  const angle = (a, b, c) => {
    const u = minus(a, b), v = minus(c, b);
    return degrees(Math.atan2(length(cross(u, v)), dot(u, v)));
  };
  // Positive clockwise, seen along b to c (IUPAC).
  function torsion(a, b, c, d) {
    const [u, v, w] = [minus(b, a), minus(c, b), minus(d, c)];
    return degrees(Math.atan2(length(v) * dot(u, cross(v, w)), dot(cross(u, v), cross(v, w))));
  }

  // What is measured of these atoms, in words and as a short number.
  function told(atoms) {
    const places = atoms.map(one => one.p);
    const names = atoms.map(one => one.label + (one.mate ? "′" : "")).join("–");
    if (atoms.length === 1) return {text: atoms[0].detail, short: ""};
    if (atoms.length === 2) {
      const d = distance(...places).toFixed(3);
      return {text: `distance ${names}: ${d} Å`, short: `${d} Å`};
    }
    const value = (atoms.length === 3 ? angle(...places) : torsion(...places)).toFixed(1).replace("-", "−");
    return {text: `${atoms.length === 3 ? "angle" : "torsion"} ${names}: ${value}°`, short: `${value}°`};
  }

  // Atoms on the screen, {x, y, r, z}, and which lie open, not behind nearer balls.
  function open(spots) {
    const bin = 30, bins = new Map(), seen = new Array(spots.length).fill(true);
    const order = [...spots.keys()].sort((a, b) => spots[b].z - spots[a].z);
    for (const i of order) {
      const {x, y} = spots[i], column = Math.floor(x / bin), line = Math.floor(y / bin);
      for (let u = -2; u <= 2 && seen[i]; u++) for (let w = -2; w <= 2 && seen[i]; w++)
        for (const j of bins.get(`${column + u},${line + w}`) ?? [])
          if (Math.hypot(spots[j].x - x, spots[j].y - y) < spots[j].r * 0.85) { seen[i] = false; break; }
      const key = `${column},${line}`;
      bins.has(key) ? bins.get(key).push(i) : bins.set(key, [i]);
    }
    return seen;
  }

  // Whether a face, whose corners are in order, lies before a spot; at its rim it does not.
  function covered({x, y, z}, ring) {
    let sign = 0, depth = 0;
    for (let m = 0; m < ring.length; m++) {
      const a = ring[m], b = ring[(m + 1) % ring.length];
      const side = (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
      if (Math.abs(side) < 1 || sign && Math.sign(side) !== sign) return false;
      sign = Math.sign(side);
      depth += a.z / ring.length;
    }
    return depth > z + 0.2;
  }

  function outlined(pen, text, x, y, ink, ground) {
    pen.lineWidth = 3;
    pen.lineJoin = "round";
    pen.strokeStyle = ground;
    pen.strokeText(text, x, y);
    pen.fillStyle = ink;
    pen.fillText(text, x, y);
  }

  // Letters on balls ("element"), or names of sites beside them ("site").
  function letters(pen, atoms, spots, covers, kind, {ink, ground}) {
    const seen = open(spots);
    const hidden = (atom, i) => covers.some(one => one.middle !== atom.p && covered(spots[i], one.ring));
    atoms.forEach((atom, i) => { seen[i] &&= !hidden(atom, i); });
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    atoms.forEach((atom, i) => {
      const {x, y, r} = spots[i];
      // The ends of wires are named beside them.
      const wire = atom.radius < 0.1;
      if (!seen[i] || r < 3 && !wire) return;
      if (kind === "element" && !wire) {
        if (r < 5.5) return;
        const [red, green, blue] = scene.rgb(atom.colour);
        const pale = 0.3 * red + 0.59 * green + 0.11 * blue > 0.52;
        pen.font = `600 ${Math.min(22, r * (atom.symbol.length > 1 ? 0.95 : 1.15))}px system-ui, sans-serif`;
        pen.fillStyle = pale ? "#10151b" : "#ffffff";
        pen.fillText(atom.symbol, x, y + 0.5);
      } else {
        pen.font = "12px system-ui, sans-serif";
        const name = kind === "element" ? atom.symbol : atom.label + (atom.mate ? "′" : "");
        outlined(pen, name, x + r * 0.5 + 8, y - r * 0.5 - 5, ink, ground);
      }
    });
  }

  // Rings about the chosen atoms, dashed lines between them, the number at their middle.
  function marks(pen, atoms, spots, {ink, ground, accent}) {
    pen.strokeStyle = accent;
    pen.lineWidth = 2.5;
    for (const {x, y, r} of spots) {
      pen.beginPath();
      pen.arc(x, y, r + 3, 0, 7);
      pen.stroke();
    }
    if (atoms.length < 2) return;
    pen.setLineDash([6, 4]);
    pen.beginPath();
    spots.forEach(({x, y}) => pen.lineTo(x, y));
    pen.stroke();
    pen.setLineDash([]);
    const middle = spots.length === 3 ? [spots[1]] : spots.length === 4 ? spots.slice(1, 3) : spots;
    const at = axis => middle.reduce((sum, one) => sum + one[axis], 0) / middle.length;
    pen.font = "600 14px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    outlined(pen, told(atoms).short, at("x"), at("y") - 16, ink, ground);
  }

  return {told, letters, marks, outlined};
})();
