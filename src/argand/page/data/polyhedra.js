"use strict";
// Coordination polyhedra: convex hulls of few points.
const polyhedra = (() => {
  const {minus, cross, dot, length, unit, plus, times} = crystal;
  // By hand, Å: points so near to the plane of a face belong to it.
  const FLAT = 0.05;

  // The faces of the hull, each a list of point numbers in order about its outward normal.
  function faces(points) {
    const found = new Map(), n = points.length;
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) for (let k = j + 1; k < n; k++) {
      const normal = cross(minus(points[j], points[i]), minus(points[k], points[i]));
      if (length(normal) < 1e-3) continue;
      const up = unit(normal), heights = points.map(p => dot(minus(p, points[i]), up));
      const above = heights.some(h => h > FLAT), below = heights.some(h => h < -FLAT);
      if (above && below) continue;
      const on = [...heights.keys()].filter(m => Math.abs(heights[m]) <= FLAT), key = on.join();
      if (!found.has(key)) found.set(key, ordered(points, on, above ? times(up, -1) : up));
    }
    return [...found.values()];
  }

  function ordered(points, on, normal) {
    const middle = times(on.reduce((sum, m) => plus(sum, points[m]), [0, 0, 0]), 1 / on.length);
    const right = unit(minus(points[on[0]], middle)), up = cross(normal, right);
    const angle = m => Math.atan2(dot(minus(points[m], middle), up), dot(minus(points[m], middle), right));
    return {normal, ring: [...on].sort((a, b) => angle(a) - angle(b))};
  }

  // Polyhedra of drawn atoms all of whose ligands are drawn: {atom, element, ligands, faces, points}; those
  // of
  // guests, which would hide the rest, if `all`.
  function of(known, drawn, all) {
    const found = [];
    for (const atom of drawn.atoms.values()) {
      const ligands = known.ligands[atom.site];
      const around = ligands.map(b => drawn.atoms.get(drawn.code(b.to, plus(atom.shift, b.shift))));
      if (!ligands.length || !all && known.guests[atom.site] || around.some(one => !one)) continue;
      found.push({atom, element: known.sites[atom.site].element, points: around.map(one => one.p),
        faces: faces(around.map(one => one.p))});
    }
    return found;
  }

  return {faces, of};
})();
