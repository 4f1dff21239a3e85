// What plots have in common: an SVG element with title, legend, axes with round ticks, and a colour bar.
{
  const {element} = argand;
  const SIZE = 12, LINE = 16;
  const pen = document.createElement("canvas").getContext("2d");
  const measured = (text, bold = false) => {
    pen.font = `${bold ? "600 13px" : `${SIZE}px`} system-ui, sans-serif`;
    return pen.measureText(text).width;
  };
  const written = (text, attributes) => element("text", {"font-size": SIZE, fill: "var(--soft)", ...attributes}, text);

  // Text that fits a width, cut with … where it does not.
  function cut(text, width, bold = false) {
    const signs = [...text];
    if (measured(text, bold) <= width) return text;
    while (signs.length && measured(`${signs.join("")}…`, bold) > width) signs.pop();
    return `${signs.join("")}…`;
  }

  // At most two lines of a title.
  function folded(title, width) {
    const words = title.split(" "), first = [];
    while (words.length && measured([...first, words[0]].join(" "), true) <= width) first.push(words.shift());
    if (!first.length) return [cut(title, width, true)];
    return words.length ? [first.join(" "), cut(words.join(" "), width, true)] : [first.join(" ")];
  }

  // Entries of a legend in rows that fit: {name, sign(x, y)} each, where `sign` draws its mark.
  function legendRows(entries, width) {
    const rows = [[]];
    let x = 0;
    for (const entry of entries) {
      const name = cut(entry.name, width - 40), length = 36 + measured(name) + 14;
      if (x > 0 && x + length > width) { rows.push([]); x = 0; }
      rows.at(-1).push({...entry, name, x});
      x += length;
    }
    return entries.length ? rows : [];
  }

  function drawLegend(svg, rows, left, top) {
    rows.forEach((row, number) => row.forEach(({name, sign, x}) => {
      const y = top + LINE * number;
      svg.append(sign(left + x, y - 4), written(name, {x: left + x + 34, y, fill: "var(--ink)"}));
    }));
  }

  // As many ticks as leave room between their labels.
  function ticksAcross(scale, width) {
    for (let count = Math.floor(width / 40); count > 2; count--) {
      const ticks = scale.ticks(count);
      if (ticks.length < 2 || (widest(ticks) + 14) * ticks.length <= width + 30) return ticks;
    }
    return scale.ticks(2);
  }

  function drawX(svg, box, axis, x) {
    for (const {value, text} of ticksAcross(axis.scale, box.width)) {
      const at = x(value);
      svg.append(element("line", {x1: at, x2: at, y1: box.bottom, y2: box.bottom + 5, stroke: "var(--soft)"}),
        written(text, {x: at, y: box.bottom + 18, "text-anchor": "middle", "data-tick": "x"}));
    }
    svg.append(written(cut(axis.title, box.width + 60), {x: box.left + box.width / 2, y: box.bottom + 36,
      "text-anchor": "middle", fill: "var(--ink)"}));
  }

  function drawY(svg, box, axis, ticks, y) {
    for (const {value, text} of ticks) {
      const at = y(value);
      svg.append(element("line", {x1: box.left - 5, x2: box.left, y1: at, y2: at, stroke: "var(--soft)"}),
        written(text, {x: box.left - 8, y: at + 4, "text-anchor": "end", "data-tick": "y"}));
    }
    const middle = box.top + box.height / 2, at = box.left - axis.room - 16;
    svg.append(written(cut(axis.title, box.height + 40), {x: at, y: middle, "text-anchor": "middle",
      fill: "var(--ink)", transform: `rotate(-90 ${at} ${middle})`}));
  }

  // A colour bar right of the box: {scale, colours, title}.
  function drawBar(svg, box, bar, ticks) {
    const left = box.right + 10, y = value => box.bottom - bar.scale.part(value) * box.height;
    const strip = argand.plot.picture(1, 128, bar.colours, (_, row) => 1 - row / 127);
    svg.append(element("image", {href: strip, x: left, y: box.top, width: 12, height: box.height, preserveAspectRatio: "none"}),
      element("rect", {x: left, y: box.top, width: 12, height: box.height, fill: "none", stroke: "var(--soft)"}));
    for (const {value, text} of ticks)
      svg.append(element("line", {x1: left + 12, x2: left + 16, y1: y(value), y2: y(value), stroke: "var(--soft)"}),
        written(text, {x: left + 19, y: y(value) + 4, "data-tick": "bar"}));
    const at = left + 19 + widest(ticks) + 14, middle = box.top + box.height / 2;
    svg.append(written(cut(bar.title, box.height + 30), {x: at, y: middle, "text-anchor": "middle", fill: "var(--ink)",
      transform: `rotate(-90 ${at} ${middle})`}));
  }

  const widest = ticks => Math.max(0, ...ticks.map(tick => measured(tick.text)));

  // The part of the room that has the aspect ratio (width by height), in its middle and at its top.
  function fitted(room, aspect) {
    if (!aspect) return room;
    const width = Math.min(room.width, room.height * aspect), height = width / aspect;
    const left = room.left + (room.width - width) / 2;
    return {left, top: room.top, width, height, right: left + width, bottom: room.top + height};
  }

  // An SVG element with axes. Returns it with its box, `x` and `y` (value to pixel) and the layer of the content.
  // `names` of rows, where given, stand in for the ticks of y.
  function frame(width, height, {title, legend = [], x, y, bar, aspect, names = null}) {
    const svg = element("svg", {width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true",
      "font-family": "system-ui, sans-serif"});
    const lines = folded(title, width - 24), rows = legendRows(legend, width - 24);
    const top = 10 + 18 * lines.length + LINE * rows.length + 8;
    const count = Math.max(3, (height - top) / 45);
    const ticks = names ? [] : y.scale.ticks(count), barTicks = bar ? bar.scale.ticks(count) : [];
    const room = names ? Math.min(widest(names.map(text => ({text}))), width * 0.4) : widest(ticks);
    const left = names ? room + 20 : room + 38, right = bar ? 62 + widest(barTicks) : 18;
    const box = fitted({left, top, width: width - left - right, height: height - top - 48,
      right: width - right, bottom: height - 48}, aspect);
    lines.forEach((line, number) => svg.append(element("text", {x: 12, y: 20 + 18 * number, "font-size": 13,
      "font-weight": 600, fill: "var(--ink)"}, line)));
    drawLegend(svg, rows, 12, 10 + 18 * lines.length + LINE);
    const px = value => box.left + x.scale.part(value) * box.width;
    const py = value => box.bottom - y.scale.part(value) * box.height;
    const content = element("g"), over = element("g");
    svg.append(content);
    drawX(svg, box, x, px);
    if (!names) drawY(svg, box, {...y, room}, ticks, py);
    if (bar) drawBar(svg, box, bar, barTicks);
    svg.append(element("rect", {x: box.left, y: box.top, width: box.width, height: box.height, fill: "none",
      stroke: "var(--soft)"}), over);
    return {svg, box, x: px, y: py, content, over, ticks, room};
  }

  Object.assign(argand.plot, {frame, cut, written});
}
