"use strict";
// A periodic map on a grid: its value anywhere, sections across an axis, and contour lines of a section.
(() => {
  const wrap = (number, size) => ((number % size) + size) % size;

  // Weights of four neighbours for a place between the middle two (cubic, continuous slopes: Catmull and Rom).
  const weights = t => [((2 - t) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2,
    (t - 1) * t * t / 2];

  // Whole numbers that were sent as differences along z; nx rows of them, or those up to half where the map
  // has an inversion centre at its origin.
  function cellGrid(data, differences) {
    const [nx, ny, nz] = data.size, stored = data.half ? Math.floor(nx / 2) + 1 : nx;
    const values = new Float32Array(differences.length);
    for (let start = 0; start < values.length; start += nz) {
      for (let z = 0, whole = 0; z < nz; z++) {
        whole += differences[start + z];
        values[start + z] = data.lowest + data.step * whole;
      }
    }
    function at(x, y, z) {
      let i = wrap(x, nx);
      if (i >= stored) {
        [i, y, z] = [nx - i, -y, -z];
      }
      return values[(i * ny + wrap(y, ny)) * nz + wrap(z, nz)];
    }

    // The value at coordinates (fractions of the cell, or points), from 64 points about it.
    function value(place) {
      const index = place.map((one, axis) => one * data.points[axis]), base = index.map(Math.floor);
      const [wx, wy, wz] = index.map((one, axis) => weights(one - base[axis]));
      let total = 0;
      for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) for (let k = 0; k < 4; k++) {
        total += wx[i] * wy[j] * wz[k] * at(base[0] + i - 1, base[1] + j - 1, base[2] + k - 1);
      }
      return total;
    }

    // Points of the section at a height along an axis, between `low` and `high` of the other two axes p and q.
    function section(axis, height, [p, q], low, high, refine) {
      const span = one => Math.round((high[one] - low[one]) * data.points[one]);
      const columns = span(p) * refine + 1, rows = span(q) * refine + 1;
      const firstP = Math.floor(low[p] * data.points[p]) - 1, firstQ = Math.floor(low[q] * data.points[q]) - 1;
      const wide = span(p) + 5, tall = span(q) + 5;
      const level = height * data.points[axis], base = Math.floor(level), across = weights(level - base);
      const nodes = new Float32Array(wide * tall), place = [0, 0, 0];
      for (let j = 0; j < tall; j++) for (let i = 0; i < wide; i++) {
        place[p] = firstP + i;
        place[q] = firstQ + j;
        let total = 0;
        for (let k = 0; k < 4; k++) {
          place[axis] = base + k - 1;
          total += across[k] * at(...place);
        }
        nodes[j * wide + i] = total;
      }
      const along = refined(nodes, 1, tall, wide, low[p] * data.points[p] - firstP, span(p), columns);
      const values = refined(along, columns, columns, 1, low[q] * data.points[q] - firstQ, span(q), rows);
      return {values, columns, rows};
    }
    return {value, section};
  }

  // `wanted` points on each of `lines` lines, over `span` nodes from node `start` on. Nodes of a line are `step`
  // apart, lines `next`; the result has a line after the other: that of a second run is [column, row].
  function refined(nodes, step, lines, next, start, span, wanted) {
    const made = new Float32Array(wanted * lines);
    for (let point = 0; point < wanted; point++) {
      const index = start + span * point / Math.max(wanted - 1, 1), base = Math.floor(index);
      const [a, b, c, d] = weights(index - base);
      for (let line = 0; line < lines; line++) {
        const from = line * next + (base - 1) * step;
        made[line * wanted + point] = a * nodes[from] + b * nodes[from + step] + c * nodes[from + 2 * step]
          + d * nodes[from + 3 * step];
      }
    }
    return made;
  }

  // Edges of a square of four points: between which two of its corners (0 0, 1 0, 1 1, 0 1) each lies.
  const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

  // Lines of equal height: for each level [x0, y0, x1, y1, ...] in steps of the section's points.
  function contours({values, columns, rows}, levels) {
    const lines = levels.map(() => []);
    for (let x = 0; x + 1 < columns; x++) for (let y = 0; y + 1 < rows; y++) {
      const corner = [values[x * rows + y], values[(x + 1) * rows + y], values[(x + 1) * rows + y + 1],
        values[x * rows + y + 1]];
      const least = Math.min(...corner), most = Math.max(...corner);
      levels.forEach((level, number) => {
        if (least < level && most >= level) cross(corner, level, x, y, lines[number]);
      });
    }
    return lines;
  }

  // The piece of a line of equal height in one square; of a saddle, both pieces.
  function cross(corner, level, x, y, line) {
    const found = [];
    for (let edge = 0; edge < 4; edge++) {
      const other = (edge + 1) % 4, first = corner[edge], second = corner[other];
      if ((first < level) === (second < level)) continue;
      const part = (level - first) / (second - first), [fx, fy] = CORNERS[edge], [sx, sy] = CORNERS[other];
      found.push([x + fx + part * (sx - fx), y + fy + part * (sy - fy)]);
    }
    // Of a saddle, the two corners that are on the side of the middle stay joined.
    const middle = (corner[0] + corner[1] + corner[2] + corner[3]) / 4;
    const apart = found.length === 4 && (middle < level) !== (corner[0] < level);
    const pairs = apart ? [found[3], ...found.slice(0, 3)] : found;
    for (let one = 0; one + 1 < pairs.length; one += 2) line.push(...pairs[one], ...pairs[one + 1]);
  }
  Object.assign(argand, {cellGrid, contours});
})();
