"use strict";
// Frames of a view of structures, as Python packed them.
const structureFrames = (() => {
  // By hand: frames kept ready, for going back and forth.
  const KEPT = 12;
  // By hand, Å: room about a molecule in the cell that it gets, more than any bond.
  const ROOM = 4;

  // Panels {title, count, known(n)}: frames are analysed when they are first shown.
  async function read(data) {
    const places = await argand.array(data.places), lattices = await argand.array(data.lattices);
    let first = 0, number = 0;
    return data.panels.map(panel => {
      const starts = panel.frames.map(frame => {
        const start = [first, number];
        first += data.kinds[frame[0]].length;
        number += 1;
        return start;
      });
      const kept = new Map();
      const frame = n => frameOf(data, panel.frames[n], starts[n], places, lattices);
      const known = n => {
        if (!kept.has(n)) {
          if (kept.size >= KEPT) kept.delete(kept.keys().next().value);
          kept.set(n, crystal.analysed(frame(n), data.looks));
        }
        return kept.get(n);
      };
      return {title: panel.title, count: panel.frames.length, frame, known};
    });
  }

  function frameOf(data, row, [first, number], places, lattices) {
    const [kinds, labels, details, operations, periodic, trusted, density, title, note] = row;
    const elements = data.kinds[kinds], step = data.steps[periodic];
    const own = elements.map((_, i) => [0, 1, 2].map(k => places[3 * (first + i) + k] * step));
    const frame = {elements, labels: data.labels[labels], details: data.details[details],
      operations: data.operations[operations],
      turns: data.turns, periodic: Boolean(periodic), trusted: Boolean(trusted),
        density: data.densities[density] ?? null, title, note,
      places: own, lattice: [...lattices.subarray(9 * number, 9 * number + 9)], origin: [0, 0, 0]};
    return periodic ? frame : boxed(frame);
  }

  // A molecule in a cell of its own, so that all else need not ask.
  function boxed(frame) {
    const low = [0, 1, 2].map(k => Math.min(...frame.places.map(p => p[k])) - ROOM);
    const size = [0, 1, 2].map(k => Math.max(...frame.places.map(p => p[k])) + ROOM - low[k]);
    frame.origin = low;
    frame.lattice = [size[0], 0, 0, 0, size[1], 0, 0, 0, size[2]];
    frame.places = frame.places.map(p => p.map((x, k) => (x - low[k]) / size[k]));
    return frame;
  }

  return {read};
})();
