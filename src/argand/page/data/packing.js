"use strict";
// Which atoms of a crystal are drawn: those of the file, whole molecules, or what lies in a range of cells.
const packing = (() => {
  const {plus, minus, cartesian} = crystal;
  // By hand: more atoms than this are no clear drawing, and slow ones without a graphics card.
  const MOST = 12000;
  // By hand, fractions: atoms on faces of the cell are drawn on both.
  const FACE = 2e-3;
  const RANGES = {cell: [0, 1], eight: [0, 2], around: [-0.5, 1.5]};

  // Names of the choices, by what a structure is.
  function choices(known) {
    if (!known.frame.periodic) return [["given", "molecule"]];
    const alone = known.frame.operations.length === 1;
    const fit = EVERY.filter(([kind]) => known.molecular || kind !== "whole");
    return fit.map(([kind, name]) => [kind, kind === "given" && alone ? "atoms as listed" : name]);
  }

  const EVERY = [["given", "asymmetric unit"], ["whole", "whole molecules"], ["cell", "1 cell"],
    ["eight", "2 × 2 × 2 cells"], ["around", "−0.5 to 1.5"]];
  // Of a film of unlike structures, some with molecules and some without.
  const UNLIKE = EVERY.map(([kind, name]) => [kind, kind === "whole" ? "molecules or cell" : name]);
  const first = known => (!known.frame.periodic ? "given" : known.molecular ? "whole" : "cell");

  // What stands for a choice that a frame does not have, as one of noise has no molecules: in a film its
  // atoms, among unlike structures what suits it best.
  function fitting(known, kind, unlike) {
    if (choices(known).some(([one]) => one === kind)) return kind;
    return unlike ? first(known) : "given";
  }

  // The drawn atoms, {site, shift, f, p}, in a map by key; `left` if not all have room; `all`: the
  // polyhedra of guests are completed too.
  function drawn(known, kind, all) {
    const atoms = new Map(), {sites, frame} = known;
    const code = (site, s) => site + sites.length * (s[0] + 32 + 64 * (s[1] + 32 + 64 * (s[2] + 32)));
    let left = false;
    const add = (site, shift) => {
      const key = code(site, shift);
      if (atoms.has(key) || Math.max(...shift.map(Math.abs)) > 31) return false;
      if (atoms.size >= MOST) { left = true; return false; }
      const f = plus(sites[site].f, shift);
      atoms.set(key, {site, shift, f, p: cartesian(frame.lattice, f)});
      return true;
    };
    if (!(kind in RANGES)) given(known, add);
    else if (known.molecular) molecules(known, RANGES[kind], add);
    else within(known, RANGES[kind], add, all);
    if (kind === "whole") grow(known, atoms, add);
    return {atoms, code, left, range: RANGES[kind] ?? [0, 1]};
  }

  function given({sites, frame}, add) {
    frame.places.forEach((place, parent) => {
      let best = null, least = Infinity;
      sites.forEach((site, i) => {
        const far = site.parent === parent ? crystal.apart(frame.lattice, site.f, place) : Infinity;
        if (far < least) { least = far; best = i; }
      });
      add(best, minus(place, sites[best].f).map(Math.round));
    });
  }

  function grow({bonds}, atoms, add) {
    const queue = [...atoms.values()];
    for (const one of queue) for (const b of bonds[one.site]) {
      const shift = plus(one.shift, b.shift);
      if (add(b.to, shift)) queue.push({site: b.to, shift});
    }
  }

  // Calls put(shift) for the translations that bring f into [low, high], or [low, high) if `open`.
  function translations(f, [low, high], open, put) {
    const from = f.map(x => Math.ceil(low - x - FACE));
    const to = f.map(x => open ? Math.ceil(high - x - FACE) - 1 : Math.floor(high - x + FACE));
    for (let x = from[0]; x <= to[0]; x++)
      for (let y = from[1]; y <= to[1]; y++)
        for (let z = from[2]; z <= to[2]; z++) put([x, y, z]);
  }

  function molecules({sites, groups}, range, add) {
    for (const group of groups) {
      const sum = group.reduce((all, one) => plus(all, plus(sites[one.site].f, one.shift)), [0, 0, 0]);
      const middle = sum.map(x => x / group.length);
      translations(middle, range, true, move => group.forEach(one => add(one.site, plus(one.shift, move))));
    }
  }

  // Atoms in the range, its faces included, and what completes the polyhedra about them.
  function within({sites, ligands, guests}, range, add, all) {
    const inside = [];
    const put = i => shift => { if (add(i, shift)) inside.push([i, shift]); };
    sites.forEach((site, i) => translations(site.f, range, false, put(i)));
    const complete = inside.filter(([i]) => all || !guests[i]);
    for (const [i, shift] of complete) for (const b of ligands[i]) add(b.to, plus(shift, b.shift));
  }

  return {choices, first, fitting, drawn, UNLIKE};
})();
