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
      for (let k = 0; k < nz; k++) {
        whole += steps[i + k];
        values[i + k] = density.low + whole * density.step;
      }
    }
    let grid = {shape: [nx, ny, nz], values};
    for (let axis = 0; axis < 3; axis++) {
      const coarse = length(crystal.row(lattice, axis)) / grid.shape[axis] > COARSE;
      if (coarse && 2 * grid.values.length <= ENOUGH) grid = doubled(grid, axis);
    }
    return grid;
  }

  // Twice the points along an axis: cubic interpolation, since contours of coarse grids have corners.
  function doubled({shape, values}, axis) {
    const n = shape[axis], inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const made = new Float32Array(2 * values.length);
    for (let line = 0; line < values.length / inner; line++) for (let k = 0; k < inner; k++) {
      const i = line % n, first = line - i, to = 2 * line * inner + k;
      const at = j => values[(first + (i + j + n) % n) * inner + k];
      made[to] = at(0);
      made[to + inner] = (9 * (at(0) + at(1)) - at(-1) - at(2)) / 16;
    }
    return {shape: shape.map((size, k) => k === axis ? 2 * size : size), values: made};
  }

  // The grid near places [f]: a box from grid point `low` on with its values and a mask; null if too large.
  function region(grid, lattice, places) {
    const n = grid.shape, margin = reciprocal(lattice).map((star, k) => NEAR * length(star) * n[k]);
    // Two more on either side, for the slopes there.
    const low = n.map((size, k) => Math.floor(Math.min(...places.map(f => f[k])) * size - margin[k]) - 2);
    const high = n.map((size, k) => Math.ceil(Math.max(...places.map(f => f[k])) * size + margin[k]) + 2);
    const size = high.map((one, k) => one - low[k] + 2);
    const count = size[0] * size[1] * size[2];
    if (!places.length || count > MOST) return null;
    const box = {low, size, mask: new Uint8Array(count), values: new Float32Array(count)};
    copied(grid, box);
    for (const f of places) mark(box, lattice, n, f.map((x, k) => x * n[k]), margin);
    return box;
  }

  // The periodic values, without wrapping from here on.
  function copied({shape, values}, {low, size, values: into}) {
    const wrap = axis => Int32Array.from({length: size[axis]},
      (_, i) => (((i + low[axis]) % shape[axis]) + shape[axis]) % shape[axis]);
    const [x, y, z] = [0, 1, 2].map(wrap);
    let to = 0;
    for (let i = 0; i < size[0]; i++) for (let j = 0; j < size[1]; j++) {
      const from = (x[i] * shape[1] + y[j]) * shape[2];
      for (let k = 0; k < size[2]; k++) into[to++] = values[from + z[k]];
    }
  }

  function mark({low, size, mask}, m, n, middle, margin) {
    const from = middle.map((x, k) => Math.ceil(x - margin[k]) - low[k]);
    const to = middle.map((x, k) => Math.floor(x + margin[k]) - low[k]);
    for (let i = from[0]; i <= to[0]; i++) for (let j = from[1]; j <= to[1]; j++) {
      const f = (i + low[0] - middle[0]) / n[0], g = (j + low[1] - middle[1]) / n[1],
        row = (i * size[1] + j) * size[2];
      const [x, y, z] = [m[0] * f + m[3] * g, m[1] * f + m[4] * g, m[2] * f + m[5] * g];
      for (let k = from[2]; k <= to[2]; k++) {
        const h = (k + low[2] - middle[2]) / n[2], u = x + m[6] * h, v = y + m[7] * h, w = z + m[8] * h;
        if (u * u + v * v + w * w < NEAR * NEAR) mask[row + k] = 1;
      }
    }
  }

  // The value and its three slopes, in grid steps, at a place of the box, into `told`.
  function sample({size, values}, p, told) {
    const [X, Y] = [size[1] * size[2], size[2]], i = Math.floor(p[0]), j = Math.floor(p[1]),
      k = Math.floor(p[2]);
    const u = p[0] - i, v = p[1] - j, w = p[2] - k;
    told.fill(0);
    for (let c = 0; c < 8; c++) {
      const part = (c & 1 ? u : 1 - u) * (c & 2 ? v : 1 - v) * (c & 4 ? w : 1 - w);
      const at = (i + (c & 1)) * X + (j + (c >> 1 & 1)) * Y + k + (c >> 2);
      told[0] += part * values[at];
      told[1] += part * (values[at + X] - values[at - X]) / 2;
      told[2] += part * (values[at + Y] - values[at - Y]) / 2;
      told[3] += part * (values[at + 1] - values[at - 1]) / 2;
    }
  }

  // The contour as {positions, normals, indices, edges}; null if `stale()` became true meanwhile.
  async function contour(grid, lattice, box, level, stale) {
    const net = begun(grid, lattice, box, level);
    let until = performance.now() + SLICE;
    for (const work of [net.vertices, net.quads]) for (let i = 1; i < box.size[0] - 2; i++) {
      work(i);
      if (performance.now() < until) continue;
      await new Promise(done => setTimeout(done));
      if (stale()) return null;
      until = performance.now() + SLICE;
    }
    return net.finished();
  }

  function begun({shape: n}, lattice, box, level) {
    const {low, size: [, sy, sz], mask, values} = box, steps = [sy * sz, sz, 1], stars = reciprocal(lattice);
    const known = new Int32Array(mask.length).fill(-1), positions = [], normals = [], indices = [],
      edges = [];
    const corners = Int32Array.from({length: 8}, (_, c) => (c & 1) * sy * sz + (c >> 1 & 1) * sz + (c >> 2));
    const told = new Float64Array(4), above = new Uint8Array(mask.length);
    for (let at = 0; at < above.length; at++) above[at] = values[at] > level ? 1 : 0;
    // The mean of the places where the contour crosses edges of a voxel.
    const crossing = (i, j, k, at) => {
      const sum = [0, 0, 0];
      let count = 0;
      for (let axis = 0; axis < 3; axis++) for (let c = 0; c < 8; c++) {
        const d = c | 1 << axis, one = values[at + corners[c]] - level, two = values[at + corners[d]] - level;
        if (d === c || one > 0 === two > 0) continue;
        for (let m = 0; m < 3; m++) sum[m] += m === axis ? one / (one - two) : c >> m & 1;
        count++;
      }
      return [i + sum[0] / count, j + sum[1] / count, k + sum[2] / count];
    };
    // A vertex, moved onto the contour along its slope, with the normal there, which points to lower values.
    const put = p => {
      sample(box, p, told);
      const far = (level - told[0]) / (told[1] ** 2 + told[2] ** 2 + told[3] ** 2 + 1e-12);
      for (let k = 0; k < 3; k++) p[k] += Math.max(-0.5, Math.min(0.5, far * told[k + 1]));
      sample(box, p, told);
      const out = [0, 1, 2].map(k => -(told[1] * n[0] * stars[0][k] + told[2] * n[1] * stars[1][k]
        + told[3] * n[2] * stars[2][k]));
      const long = length(out) || 1;
      positions.push(...cartesian(lattice, p.map((x, k) => (x + low[k]) / n[k])));
      normals.push(out[0] / long, out[1] / long, out[2] / long);
    };
    const vertices = i => {
      for (let j = 1; j < sy - 2; j++) {
        let at = (i * sy + j) * sz, two = 0;
        for (let k = 0; k < sz - 2; k++, at++) {
          // Corners above the level, of the eight of a voxel: four it has of the one before.
          const one = two, next = at + 1;
          two = above[next] + above[next + steps[0]] + above[next + sz] + above[next + steps[0] + sz];
          if (k === 0 || !mask[at] || one + two === 0 || one + two === 8) continue;
          known[at] = positions.length / 3;
          put(crossing(i, j, k, at));
        }
      }
    };
    const quad = (at, a, b, flip) => {
      const ring = [known[at], known[at - a], known[at - a - b], known[at - b]];
      if (ring[0] < 0 || ring[1] < 0 || ring[2] < 0 || ring[3] < 0) return;
      if (flip) ring.reverse();
      indices.push(ring[0], ring[1], ring[2], ring[0], ring[2], ring[3]);
      edges.push(ring[0], ring[1], ring[1], ring[2]);
    };
    const quads = i => {
      for (let j = 1; j < sy - 2; j++) for (let k = 1; k < sz - 2; k++) {
        const at = (i * sy + j) * sz + k;
        if (!mask[at]) continue;
        const here = above[at];
        for (let axis = 0; axis < 3; axis++)
          if (here !== above[at + steps[axis]])
            quad(at, steps[(axis + 1) % 3], steps[(axis + 2) % 3], here === 0);
      }
    };
    const finished = () => ({positions: new Float32Array(positions), normals: new Float32Array(normals),
      indices: new Uint32Array(indices), edges: new Uint32Array(edges)});
    return {vertices, quads, finished};
  }

  return {unpacked, region, contour};
})();
