"use strict";
// Crystal geometry: from the atoms of a file to all atoms of the cell, and the bonds between them.
// A lattice is nine numbers, rows a, b, c in Å; places are fractions of the cell.
const crystal = (() => {
  // Å over the sum of the covalent radii, as in the Cambridge Structural Database (CCDC).
  const TOLERANCE = 0.4;
  // By hand, Å: copies of an atom so near to each other are one atom on a symmetry element.
  const SAME = 0.1;
  // By hand: cells of films that have collapsed need no more neighbouring cells than this in each direction.
  const MOST_CELLS = 4;
  // Pauling's electronegativities of nonmetals.
  const PULL = {H: 2.2, B: 2.04, C: 2.55, N: 3.04, O: 3.44, F: 3.98, Si: 1.9, P: 2.19, S: 2.58, Cl: 3.16,
    Ge: 2.01,
    As: 2.18, Se: 2.55, Br: 2.96, Te: 2.1, I: 2.66, Xe: 2.6};
  // By hand: what differs by less is no cation and anion.
  const POLAR = 0.3;

  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  const plus = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
  const times = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
  const length = a => Math.hypot(a[0], a[1], a[2]);
  const unit = a => times(a, 1 / (length(a) || 1));
  const row = (m, i) => [m[3 * i], m[3 * i + 1], m[3 * i + 2]];
  // A place in Å.
  const cartesian = (m, f) => [m[0] * f[0] + m[3] * f[1] + m[6] * f[2],
    m[1] * f[0] + m[4] * f[1] + m[7] * f[2],
    m[2] * f[0] + m[5] * f[1] + m[8] * f[2]];

  // Reciprocal vectors a*, b*, c* (without 2π).
  function reciprocal(m) {
    const [a, b, c] = [row(m, 0), row(m, 1), row(m, 2)], volume = dot(a, cross(b, c));
    return [cross(b, c), cross(c, a), cross(a, b)].map(one => times(one, 1 / volume));
  }

  const applied = (o, turns, f) => [0, 1, 2].map(i =>
    o[3 * i] * f[0] + o[3 * i + 1] * f[1] + o[3 * i + 2] * f[2] + o[9 + i] / turns);

  // By hand: where the mean of the directions to its neighbours is longer, an atom lies beside them, as Pb
  // in PbTiO3.
  const ASIDE = 0.4;
  // By hand: cations that hold no framework together, as Li in LiFePO4, or Sr with 12 oxygens in SrTiO3.
  const GUESTS = ["Li", "Na", "K", "Rb", "Cs"], MOST_CORNERS = 8;

  // Into [0, 1), where rounded zeros stay zero.
  const wrapped = f => f.map(x => x - Math.floor(x + 1e-4));

  function apart(m, f, g) {
    return length(cartesian(m, minus(f, g).map(x => x - Math.round(x))));
  }

  // All atoms of the cell, each once: {parent, operation, element, f}.
  function sitesOf(frame) {
    const sites = [];
    frame.elements.forEach((element, parent) => {
      const own = [];
      for (const operation of frame.operations) {
        const f = wrapped(applied(operation, frame.turns, frame.places[parent]));
        if (own.some(one => apart(frame.lattice, one.f, f) < SAME)) continue;
        own.push({parent, operation, element, f});
      }
      sites.push(...own);
    });
    return sites;
  }

  // Calls found(i, j, shift, distance) for each ordered pair nearer than `cut` Å.
  function pairs(sites, m, periodic, cut, found) {
    const stars = reciprocal(m), heights = stars.map(one => 1 / length(one));
    const bins = heights.map(h => Math.max(1, Math.min(40, Math.floor(h / cut))));
    const reach = heights.map((h, i) => Math.min(MOST_CELLS, Math.ceil(cut * bins[i] / h)));
    const filled = new Map(), homes = sites.map(site =>
      site.f.map((x, i) => Math.min(bins[i] - 1, Math.max(0, Math.floor(x * bins[i])))));
    const code = b => (b[0] * bins[1] + b[1]) * bins[2] + b[2];
    const at = sites.map(site => cartesian(m, site.f));
    homes.forEach((home, i) => {
      const c = code(home);
      filled.has(c) ? filled.get(c).push(i) : filled.set(c, [i]);
    });
    const visit = (i, step) => {
      const shift = [0, 0, 0], bin = [0, 0, 0];
      for (let k = 0; k < 3; k++) {
        const place = homes[i][k] + step[k];
        shift[k] = Math.floor(place / bins[k]);
        if (shift[k] && !periodic) return;
        bin[k] = place - shift[k] * bins[k];
      }
      const move = minus(cartesian(m, shift), at[i]);
      for (const j of filled.get(code(bin)) ?? []) {
        const d = Math.hypot(at[j][0] + move[0], at[j][1] + move[1], at[j][2] + move[2]);
        if (d < cut) found(i, j, shift, d);
      }
    };
    for (let i = 0; i < sites.length; i++)
      for (let x = -reach[0]; x <= reach[0]; x++)
        for (let y = -reach[1]; y <= reach[1]; y++)
          for (let z = -reach[2]; z <= reach[2]; z++) visit(i, [x, y, z]);
  }

  // The bonds of each site: lists of {to, shift, length}.
  function bondsOf(sites, m, periodic, looks) {
    const radius = sites.map(site => looks[site.element][1]);
    const near = sites.map(() => []);
    const cut = 2 * Math.max(...radius) + TOLERANCE;
    pairs(sites, m, periodic, cut, (i, j, shift, d) => {
      if (d < SAME || d > radius[i] + radius[j] + TOLERANCE) return;
      near[i].push({to: j, shift: [...shift], length: d});
    });
    return chemical(sites, near, looks);
  }

  // Radii alone bond neighbouring cations, and metals to the carbon of carbonate: what chemistry does not is
  // left out.
  function chemical(sites, near, looks) {
    const name = sites.map(site => looks[site.element][0]), metal = sites.map(site => looks[site.element][3]);
    const alloy = metal.every(one => one), hydrogen = name.map(one => one === "H");
    // The middle of an anion such as PO4 or NO3: no metal is bonded to it.
    const middle = near.map((list, i) => !metal[i] && list.filter(b => !metal[b.to] && name[b.to] !== "N"
      && PULL[name[b.to]] - PULL[name[i]] > POLAR).length >= 2);
    const least = near.map((list, i) => hydrogen[i]
      ? Math.min(Infinity, ...list.filter(b => !metal[b.to]).map(b => b.length)) : Infinity);
    const kept = (i, b) => {
      const j = b.to;
      if (metal[i] && metal[j]) return alloy;
      if (metal[i] || metal[j]) {
        const other = metal[i] ? j : i;
        return !middle[other] && least[other] === Infinity;
      }
      return [i, j].every(one => !hydrogen[one] || b.length <= least[one] + 1e-3);
    };
    return near.map((list, i) => list.filter(b => kept(i, b)));
  }

  // The atoms about which polyhedra are drawn, with their ligands' bonds; others have none.
  function ligandsOf({lattice}, sites, bonds, looks) {
    const name = site => looks[site.element][0];
    const around = (i, list) =>
      length(list.map(b => unit(cartesian(lattice, minus(plus(sites[b.to].f, b.shift), sites[i].f))))
      .reduce(plus)) / list.length < ASIDE;
    return bonds.map((list, i) => {
      const metal = looks[sites[i].element][3];
      if (!metal && ["H", "C", "N", "O", "F"].includes(name(sites[i]))) return [];
      const ligands = list.filter(b => !looks[sites[b.to].element][3] && name(sites[b.to]) !== "H"
        && (metal || PULL[name(sites[b.to])] - PULL[name(sites[i])] > POLAR));
      return ligands.length >= 4 && ligands.length === list.length && around(i, ligands) ? ligands : [];
    });
  }

  // Connected groups, each a list of {site, shift}; `endless` if one is bonded to its own copy.
  function groupsOf(sites, bonds) {
    const at = new Array(sites.length).fill(null), groups = [];
    let endless = false;
    sites.forEach((_, start) => {
      if (at[start]) return;
      at[start] = [0, 0, 0];
      const group = [{site: start, shift: at[start]}];
      for (const one of group) {
        for (const b of bonds[one.site]) {
          const shift = plus(one.shift, b.shift);
          if (!at[b.to]) { at[b.to] = shift; group.push({site: b.to, shift}); }
          else if (at[b.to].some((x, k) => x !== shift[k])) endless = true;
        }
      }
      groups.push(group);
    });
    return {groups, endless};
  }

  // All that is known of a frame before it is decided what is drawn of it.
  function analysed(frame, looks) {
    const sites = sitesOf(frame), bonds = bondsOf(sites, frame.lattice, frame.periodic, looks);
    const {groups, endless} = groupsOf(sites, bonds);
    const molecular = !endless && bonds.filter(list => list.length).length > sites.length / 2;
    const ligands = molecular ? sites.map(() => []) : ligandsOf(frame, sites, bonds, looks);
    // Guests fill gaps between the polyhedra of the others, if there are others.
    const guest = ligands.map((list, i) => list.length > MOST_CORNERS
      || GUESTS.includes(looks[sites[i].element][0]));
    const alone = !ligands.some((list, i) => list.length && !guest[i]);
    return {frame, sites, bonds, groups, molecular, ligands, guests: guest.map(one => one && !alone)};
  }

  // "-x, y+1/2, z" of an operation whose translation is in fractions.
  function operationText(o, move) {
    const fraction = x => {
      for (const under of [1, 2, 3, 4, 6, 8]) {
        const over = Math.round(x * under);
        if (Math.abs(over / under - x) < 2e-3) return under === 1 ? `${over}` : `${over}/${under}`;
      }
      return x.toFixed(3);
    };
    return [0, 1, 2].map(i => {
      let told = "";
      "xyz".split("").forEach((axis, k) => {
        const n = o[3 * i + k];
        if (n) told += (n < 0 ? "−" : told ? "+" : "") + (Math.abs(n) === 1 ? "" : Math.abs(n)) + axis;
      });
      if (Math.abs(move[i]) < 2e-3) return told || "0";
      return `${told}${move[i] < 0 ? "−" : "+"}${fraction(Math.abs(move[i]))}`;
    }).join(", ");
  }

  return {cross, dot, minus, plus, times, length, unit, row, cartesian, reciprocal, applied, apart, analysed,
    operationText};
})();
