"use strict";
// Contours of a periodic density near atoms, by surface nets: one vertex in each voxel that the contour crosses,
// moved onto it, and a quadrangle about each edge that it crosses (Gibson, MICCAI 1998, LNCS 1496, 888).
const isosurface = (() => {
  const {cartesian, reciprocal, length} = crystal;
  // By hand, Å: as far from atoms a contour is drawn.
  const NEAR = 2.2;
  // By hand: grid points at most, that memory suffices.
  const MOST = 6e6;
  // By hand: grids with wider steps, in Å, are made finer, up to so many points.
  const COARSE = 0.2, ENOUGH = 500000;
  // By hand, ms: work in one go, so that turning stays fluent.
  const SLICE = 10;

  async function unpacked(density, lattice) {
    const steps = await argand.array(density.values), [nx, ny, nz] = density.values.shape;
    const values = new Float32Array(steps.length);
    for (let i = 0; i < values.length; i += nz) {
      let whole = 0;
      for (let k = 0; k < nz; k++) { whole += steps[i + k]; values[i + k] = density.low + whole * density.step; }
    }
    let grid = {shape: [nx, ny, nz], values};
    for (let axis = 0; axis < 3; axis++)
      if (length(crystal.row(lattice, axis)) / grid.shape[axis] > COARSE && 2 * grid.values.length <= ENOUGH) grid = doubled(grid, axis);
    return grid;
  }

  // Twice the points along an axis: cubic interpolation, since contours of coarse grids have corners.
  function doubled({shape, values}, axis) {
    const n = shape[axis], inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1), made = new Float32Array(2 * values.length);
    for (let outer = 0; outer < values.length / (n * inner); outer++) for (let i = 0; i < n; i++) for (let k = 0; k < inner; k++) {
      const at = j => values[(outer * n + (i + j + n) % n) * inner + k], to = (outer * n + i) * 2 * inner + k;
      made[to] = at(0);
      made[to + inner] = (9 * (at(0) + at(1)) - at(-1) - at(2)) / 16;
    }
    return {shape: shape.map((size, k) => k === axis ? 2 * size : size), values: made};
  }

  // The grid points near places [f], as a box in grid steps with a mask; null if there are too many.
  function region(grid, lattice, places) {
    const n = grid.shape, margin = reciprocal(lattice).map((star, k) => NEAR * length(star) * n[k]);
    const low = n.map((size, k) => Math.floor(Math.min(...places.map(f => f[k])) * size - margin[k]));
    const size = n.map((one, k) => Math.ceil(Math.max(...places.map(f => f[k])) * one + margin[k]) - low[k] + 2);
    if (!places.length || size[0] * size[1] * size[2] > MOST) return null;
    const box = {low, size, mask: new Uint8Array(size[0] * size[1] * size[2])};
    for (const f of places) mark(box, lattice, n, f.map((x, k) => x * n[k]), margin);
    return box;
  }

  function mark({low, size, mask}, lattice, n, middle, margin) {
    const from = middle.map((x, k) => Math.max(0, Math.ceil(x - margin[k]) - low[k]));
    const to = middle.map((x, k) => Math.min(size[k] - 1, Math.floor(x + margin[k]) - low[k]));
    for (let i = from[0]; i <= to[0]; i++) for (let j = from[1]; j <= to[1]; j++) for (let k = from[2]; k <= to[2]; k++) {
      const d = cartesian(lattice, [(i + low[0] - middle[0]) / n[0], (j + low[1] - middle[1]) / n[1], (k + low[2] - middle[2]) / n[2]]);
      if (d[0] * d[0] + d[1] * d[1] + d[2] * d[2] < NEAR * NEAR) mask[(i * size[1] + j) * size[2] + k] = 1;
    }
  }

  // The value and the gradient, in grid steps, between grid points.
  function sampler(grid) {
    const [nx, ny, nz] = grid.shape, v = grid.values;
    const at = (i, j, k) => v[(((i % nx) + nx) % nx * ny + ((j % ny) + ny) % ny) * nz + ((k % nz) + nz) % nz];
    const mix = (x, y, z, get) => {
      const i = Math.floor(x), j = Math.floor(y), k = Math.floor(z), u = x - i, w = y - j, t = z - k;
      const line = (a, b) => get(i + a, j + b, k) * (1 - t) + get(i + a, j + b, k + 1) * t;
      return (line(0, 0) * (1 - w) + line(0, 1) * w) * (1 - u) + (line(1, 0) * (1 - w) + line(1, 1) * w) * u;
    };
    const slope = p => [mix(...p, (i, j, k) => (at(i + 1, j, k) - at(i - 1, j, k)) / 2),
      mix(...p, (i, j, k) => (at(i, j + 1, k) - at(i, j - 1, k)) / 2),
      mix(...p, (i, j, k) => (at(i, j, k + 1) - at(i, j, k - 1)) / 2)];
    return {value: p => mix(...p, at), slope};
  }

  // The contour as {positions, normals, indices, edges}; null if `stale()` became true meanwhile.
  async function contour(grid, lattice, box, level, stale) {
    const net = begun(grid, lattice, box, level);
    let until = performance.now() + SLICE;
    for (const work of [net.vertices, net.quads]) for (let i = 0; i < box.size[0] - 1; i++) {
      work(i);
      if (performance.now() < until) continue;
      await new Promise(done => setTimeout(done));
      if (stale()) return null;
      until = performance.now() + SLICE;
    }
    return net.finished();
  }

  function begun(grid, lattice, {low, size, mask}, level) {
    const [sx, sy, sz] = size, n = grid.shape, v = grid.values, sample = sampler(grid);
    const wrap = axis => Int32Array.from({length: size[axis]}, (_, i) => (((i + low[axis]) % n[axis]) + n[axis]) % n[axis]);
    const [wx, wy, wz] = [wrap(0), wrap(1), wrap(2)];
    const inside = (i, j, k) => v[(wx[i] * n[1] + wy[j]) * n[2] + wz[k]] > level;
    const known = new Int32Array(sx * sy * sz).fill(-1), positions = [], normals = [], indices = [], edges = [];
    const stars = reciprocal(lattice);
    const put = p => {
      for (let turn = 0; turn < 2; turn++) {
        const g = sample.slope(p), far = (level - sample.value(p)) / (g[0] * g[0] + g[1] * g[1] + g[2] * g[2] + 1e-12);
        p = p.map((x, k) => x + Math.max(-0.5, Math.min(0.5, far * g[k])));
      }
      const g = sample.slope(p);
      const out = [0, 1, 2].map(k => -(g[0] * n[0] * stars[0][k] + g[1] * n[1] * stars[1][k] + g[2] * n[2] * stars[2][k]));
      const long = length(out) || 1;
      positions.push(...cartesian(lattice, p.map((x, k) => x / n[k])));
      normals.push(out[0] / long, out[1] / long, out[2] / long);
    };
    const vertices = i => {
      for (let j = 0; j < sy - 1; j++) for (let k = 0; k < sz - 1; k++) {
        const at = (i * sy + j) * sz + k;
        if (!mask[at]) continue;
        const p = crossing(i, j, k, (a, b, c) => v[(wx[a] * n[1] + wy[b]) * n[2] + wz[c]] - level);
        if (!p) continue;
        known[at] = positions.length / 3;
        put([p[0] + low[0], p[1] + low[1], p[2] + low[2]]);
      }
    };
    const steps = [[sy * sz, 1, 0, 0], [sz, 0, 1, 0], [1, 0, 0, 1]];
    const quad = (at, a, b, flip) => {
      const ring = [known[at], known[at - a], known[at - a - b], known[at - b]];
      if (ring.some(one => one < 0)) return;
      if (flip) ring.reverse();
      indices.push(ring[0], ring[1], ring[2], ring[0], ring[2], ring[3]);
      edges.push(ring[0], ring[1], ring[1], ring[2]);
    };
    const quads = i => {
      for (let j = 1; j < sy - 1; j++) for (let k = 1; k < sz - 1; k++) {
        const at = (i * sy + j) * sz + k;
        if (!mask[at] || i < 1) continue;
        const here = inside(i, j, k);
        for (let axis = 0; axis < 3; axis++) {
          const [, x, y, z] = steps[axis];
          if (here !== inside(i + x, j + y, k + z)) quad(at, steps[(axis + 1) % 3][0], steps[(axis + 2) % 3][0], !here);
        }
      }
    };
    const finished = () => ({positions: new Float32Array(positions), normals: new Float32Array(normals),
      indices: new Uint32Array(indices), edges: new Uint32Array(edges)});
    return {vertices, quads, finished};
  }

  // The mean of the places where the contour crosses edges of a voxel; null if it crosses none.
  function crossing(i, j, k, height) {
    const h = [];
    let above = 0;
    for (let c = 0; c < 8; c++) {
      h.push(height(i + (c & 1), j + (c >> 1 & 1), k + (c >> 2)));
      above += h[c] > 0;
    }
    if (above === 0 || above === 8) return null;
    const sum = [0, 0, 0];
    let count = 0;
    for (let axis = 0; axis < 3; axis++) for (let c = 0; c < 8; c++) {
      const d = c | 1 << axis;
      if (d === c || h[c] > 0 === h[d] > 0) continue;
      const t = h[c] / (h[c] - h[d]);
      for (let m = 0; m < 3; m++) sum[m] += m === axis ? t : c >> m & 1;
      count++;
    }
    return [i + sum[0] / count, j + sum[1] / count, k + sum[2] / count];
  }

  return {unpacked, region, contour};
})();
