"use strict";
// Sections of a map across an axis as they are drawn: shading, contours, axes, Harker sections, peaks or atoms.
(() => {
  const {element, css} = argand;
  const MARGIN = 46, MOST_LINES = 8, MOST_LEVELS = 40;
  const NEAR = {"Å": 0.3, voxels: 0.5};  // A mark this near a section, across it, is drawn on it.
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const size = a => Math.hypot(...a);
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const whole = number => Math.abs(number - Math.round(number)) < 1e-3;

  // What of a map never changes: its grid, limits, and all images of its marks.
  function prepared(data, differences) {
    const high = data.low.map(one => (one === 0 ? 1 : -one)), periodic = data.points[0] !== 1;
    const volume = Math.abs(dot(data.lattice[0], cross(data.lattice[1], data.lattice[2])));
    const others = axis => [0, 1, 2].filter(one => one !== axis);
    const spacing = [0, 1, 2].map(axis => {
      const [p, q] = others(axis);
      return volume / size(cross(data.lattice[p], data.lattice[q]));
    });
    const grid = argand.cellGrid(data, differences);
    const least = data.low.map(one => (data.half ? 0 : one));
    return {data, high, periodic, others, spacing, grid, least, images: images(data, periodic)};
  }

  // Each mark at its own place first, then wherever symmetry repeats it, once.
  function images(data, periodic) {
    const found = [];
    data.marks.forEach(([label, x, y, z, height], index) => {
      const known = new Set();
      for (const op of data.operations) {
        const place = [0, 1, 2].map(row => {
          const one = op[3 * row] * x + op[3 * row + 1] * y + op[3 * row + 2] * z + op[9 + row];
          return periodic ? one - Math.floor(one - data.low[row] + 1e-6) : one;
        });
        const key = place.map(one => one.toFixed(3)).join();
        if (!known.has(key)) found.push({label, number: index + 1, place, height});
        known.add(key);
      }
    });
    return found;
  }

  // Where a section is drawn: its axes to scale with the true angle between them, p to the right, q upwards.
  function frame({data, others, high}, axis, width, height) {
    const [p, q] = others(axis), a = data.lattice[p], b = data.lattice[q];
    const cos = dot(a, b) / size(a) / size(b), sin = Math.sqrt(1 - cos * cos);
    const flat = ([one, two]) => [size(a) * one + size(b) * cos * two, -size(b) * sin * two];
    const corners = [[data.low[p], data.low[q]], [high[p], data.low[q]], [high[p], high[q]], [data.low[p], high[q]]];
    const [xs, ys] = [0, 1].map(side => corners.map(one => flat(one)[side]));
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const scale = Math.min((width - 2 * MARGIN) / (right - left), (height - 2 * MARGIN) / (bottom - top));
    const shift = [(width - scale * (left + right)) / 2, (height - scale * (top + bottom)) / 2];
    const point = one => flat(one).map((value, side) => shift[side] + scale * value);
    const back = ([x, y]) => {
      const two = -(y - shift[1]) / scale / size(b) / sin;
      return [((x - shift[0]) / scale - size(b) * cos * two) / size(a), two];
    };
    return {p, q, point, back, corners: corners.map(point)};
  }

  // Heights of the contours: multiples of a step, up to the height that is drawn in full colour; negative ones too.
  function levels({values}, step, top) {
    let least = 0, most = 0;
    for (const one of values) {
      if (one < least) least = one;
      if (one > most) most = one;
    }
    const count = limit => Math.min(Math.floor(limit / step + 1e-6), MOST_LEVELS);
    const up = Array.from({length: count(Math.min(most, 1.5 * top))}, (_, n) => (n + 1) * step);
    const down = Array.from({length: count(-least)}, (_, n) => -(n + 1) * step);
    return {up, down};
  }

  const colour = name => [1, 3, 5].map(start => Number.parseInt(css(name).slice(start, start + 2), 16));

  // The section as an image with a point a pixel: colour is the sign, its strength the height.
  function shading({values, columns, rows}, top) {
    const image = new ImageData(columns, rows), up = colour("--first"), down = colour("--second");
    for (let x = 0; x < columns; x++) for (let y = 0; y < rows; y++) {
      const value = values[x * rows + y], strength = Math.min(1, Math.abs(value) / top);
      image.data.set([...(value > 0 ? up : down), 215 * strength ** 0.75], 4 * (y * columns + x));
    }
    const canvas = element("canvas", {width: columns, height: rows});
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  // The affine map from points of a section to the drawing.
  function affine({corners: [start, right, , up]}, {columns, rows}) {
    return [(right[0] - start[0]) / (columns - 1), (right[1] - start[1]) / (columns - 1),
      (up[0] - start[0]) / (rows - 1), (up[1] - start[1]) / (rows - 1), start[0], start[1]];
  }

  function outline(context, corners) {
    context.beginPath();
    corners.forEach(one => context.lineTo(...one));
    context.closePath();
  }

  function paintMap(context, shape, drawn, picture, contours) {
    const [a, b, c, d, e, f] = affine(shape, drawn);
    context.save();
    outline(context, shape.corners);
    context.clip();
    context.transform(a, b, c, d, e, f);
    context.drawImage(picture, -0.5, -0.5);
    context.restore();
    contours.forEach(({line, negative}) => {
      context.beginPath();
      for (let one = 0; one < line.length; one += 4) {
        context.moveTo(a * line[one] + c * line[one + 1] + e, b * line[one] + d * line[one + 1] + f);
        context.lineTo(a * line[one + 2] + c * line[one + 3] + e, b * line[one + 2] + d * line[one + 3] + f);
      }
      context.setLineDash([]);
      context.lineWidth = negative ? 0.6 : 0.9;
      context.strokeStyle = css(negative ? "--second" : "--ink");
      context.stroke();
    });
  }

  // Text with a border of the ground, so that it can be read on any map.
  function write(context, told, x, y, ink = "--ink", weight = "") {
    context.font = `${weight} 12px system-ui, sans-serif`;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.setLineDash([]);
    context.strokeStyle = css("--stage");
    context.strokeText(told, x, y);
    context.fillStyle = css(ink);
    context.fillText(told, x, y);
  }

  const short = value => Number(value.toFixed(3)).toString().replace("-", "−");

  function paintAxes(context, map, shape) {
    const {data, high, periodic} = map, {p, q, point, corners} = shape;
    context.setLineDash([]);
    context.lineWidth = 1;
    context.strokeStyle = css("--soft");
    outline(context, corners);
    context.stroke();
    const step = axis => (periodic ? 0.25 : Math.max(1, Math.round((high[axis] - data.low[axis]) / 8)));
    const ticks = axis => Array.from({length: Math.floor((high[axis] - data.low[axis]) / step(axis) + 1e-6) + 1},
      (_, n) => data.low[axis] + n * step(axis));
    context.textBaseline = "middle";
    const label = (one, place, align, [x, y]) => {
      const at = point(place);
      context.textAlign = align;
      write(context, short(one), at[0] + x, at[1] + y, "--soft");
    };
    ticks(p).forEach(one => label(one, [one, data.low[q]], "center", [0, 12]));
    ticks(q).forEach(one => label(one, [data.low[p], one], "right", [-6, 0]));
    const told = axis => (periodic ? `${"abc"[axis]} = ${size(data.lattice[axis]).toFixed(2)} ` : "") + data.unit;
    const name = axis => `${data.letters[axis]} (${told(axis)})`;
    context.textAlign = "right";
    write(context, `${name(p)} →`, corners[1][0], corners[1][1] + 30, "--ink", "600");
    context.textAlign = "left";
    write(context, `↑ ${name(q)}`, Math.max(corners[3][0] - 30, 6), corners[3][1] - 16, "--ink", "600");
  }

  // Where a Harker section crosses the section across `axis` at `height`: lines y·p + z·q = rest as [y, z, rest];
  // none where the whole section belongs to it; null where it does not. Both it and its inverse count.
  function crossings(section, axis, height, [p, q]) {
    const lines = [];
    for (const sign of [1, -1]) {
      const rows = section.equations.map(row => [row[p], row[q], sign * row[3] - row[axis] * height]);
      const own = rows.filter(([y, z]) => y !== 0 || z !== 0);
      if (rows.some(row => !own.includes(row) && !whole(row[2]))) continue;
      if (own.length === 0) return [];
      if (own.length === 1) lines.push(own[0]);
    }
    return lines.length ? lines : null;
  }

  function paintHarker(context, map, state, shape) {
    const {data, others, high} = map, pair = others(state.axis);
    const meets = data.harker.map(one => crossings(one, state.axis, state.height, pair));
    const lines = meets.map((one, number) => ({one, number})).filter(({one, number}) => one?.length
      && (number === state.harker || data.harker[number].equations.length === 2));
    const shown = lines.length > MOST_LINES ? lines.filter(({number}) => number === state.harker) : lines;
    context.save();
    outline(context, shape.corners);
    context.clip();
    context.strokeStyle = css("--third");
    context.setLineDash([9, 5]);
    const [lowP, lowQ, highP, highQ] = [data.low, high].flatMap(limit => pair.map(axis => limit[axis]));
    for (const {one, number} of shown) for (const [y, z, rest] of one) for (let n = -5; n <= 5; n++) {
      const ends = z === 0 ? [[(rest + n) / y, lowQ], [(rest + n) / y, highQ]]
        : [[lowP, (rest + n - y * lowP) / z], [highP, (rest + n - y * highP) / z]];
      context.lineWidth = number === state.harker ? 3 : 2;
      context.beginPath();
      ends.forEach(end => context.lineTo(...shape.point(end)));
      context.stroke();
    }
    context.restore();
    context.setLineDash([]);
    const named = wanted => data.harker.filter((_, number) => wanted(meets[number])).flatMap(one => one.operators);
    return {whole: named(one => one?.length === 0), lines: shown.flatMap(({number}) => data.harker[number].operators)};
  }

  // Marks on this section: [{image, at}], those at its edges on both.
  function marksOn(map, state, shape) {
    const {data, images, periodic, high, spacing} = map, found = [];
    const copies = (value, axis) => (periodic ? [value - 1, value, value + 1] : [value])
      .filter(one => one > data.low[axis] - 1e-3 && one < high[axis] + 1e-3);
    for (const image of images) {
      let off = image.place[state.axis] - state.height;
      if (periodic) off -= Math.round(off);
      if (Math.abs(off) * spacing[state.axis] > NEAR[data.unit]) continue;
      for (const p of copies(image.place[shape.p], shape.p)) for (const q of copies(image.place[shape.q], shape.q)) {
        found.push({image, at: shape.point([p, q])});
      }
    }
    return found;
  }

  function paintMarks(context, map, state, marks, width) {
    const {heights: [, factor, digits]} = map.data, taken = [];
    const chosen = ({image}) => image.number === state.chosen;
    context.textBaseline = "middle";
    for (const mark of [...marks].sort((a, b) => chosen(b) - chosen(a) || b.image.height - a.image.height)) {
      const [x, y] = mark.at, told = `${mark.image.label}: ${(factor * mark.image.height).toFixed(digits)}`;
      context.beginPath();
      context.arc(x, y, chosen(mark) ? 8 : 4, 0, 2 * Math.PI);
      context.lineWidth = chosen(mark) ? 3 : 1.5;
      context.strokeStyle = css(chosen(mark) ? "--bad" : "--ink");
      context.stroke();
      context.font = "12px system-ui, sans-serif";
      const wide = context.measureText(told).width, left = x + 10 + wide < width ? x + 9 : x - 9 - wide;
      // A label that would cover another is left out; pointing at the mark tells it.
      if (taken.some(([l, t, w]) => left < l + w && l < left + wide && Math.abs(t - y) < 13)) continue;
      taken.push([left, y, wide]);
      context.textAlign = "left";
      write(context, told, left, y, chosen(mark) ? "--bad" : "--ink", chosen(mark) ? "600" : "");
    }
  }

  argand.sections = {prepared, frame, levels, shading, paintMap, paintAxes, paintHarker, marksOn, paintMarks};
})();
