"use strict";
// The view of sections: which axis and height are shown, Harker sections and marks to jump to, values to read.
argand.views.sections = async (stage, data, figure) => {
  const {element, sections} = argand;
  const MOST_SAMPLES = 40000, MOST_BUTTONS = 6;
  const map = sections.prepared(data, await argand.array(data.values));
  const [heightName, factor, digits] = data.heights;
  const state = {axis: data.start[0], height: data.start[1], chosen: null, harker: null, place: null, contours: 3};
  const STEPS = [["every σ", data.sigma], ["every 2 σ", 2 * data.sigma],
    ...[5, 10, 20].map(part => [`every ${part} % of the highest`, part / 100 * data.top])];
  const canvas = element("canvas");
  const reading = element("output", {class: "reading", "aria-live": "polite"});
  const bar = argand.tools(figure), below = element("div", {class: "tools"}, reading);
  let drawn = null, shape = null, marks = [], asked = 0;

  const isPeriodic = map.periodic, letter = () => data.letters[state.axis];
  const number = (value, places) => value.toFixed(places).replace("-", "−");
  const coordinates = place => place.map(one => number(one, isPeriodic ? 3 : 1)).join(" ");
  const along = axis => Math.hypot(...data.lattice[axis]);
  const toldHeight = value => (isPeriodic
    ? `${letter()} = ${number(value, 3)} (${number(value * along(state.axis), 2)} ${data.unit})`
    : `${letter()} = ${number(value, 1)} ${data.unit}`);
  const step = axis => (isPeriodic ? 1 / (2 * data.points[axis]) : 0.5);

  const names = isPeriodic ? ["a", "b", "c"] : ["x", "y", "z"];
  const axes = argand.choice("section across ", names, state.axis, axis => move(axis, 0));
  const marked = element("datalist", {id: `harker-${Math.random().toString(36).slice(2)}`});
  let heights = slider();
  const contours = argand.choice("contours ", STEPS.map(([name]) => name), state.contours, chosen => {
    state.contours = chosen;
    drawn = null;
    ask();
  });
  const saved = argand.button("save PNG", null, () => canvas.toBlob(blob =>
    argand.save(blob, `${data.name}-${letter()}-${state.height.toFixed(3)}.png`)));
  bar.append(axes, heights, marked, contours, saved);
  if (data.harker.length) bar.after(harkerBar());
  stage.append(canvas);
  stage.after(below);
  stage.tabIndex = 0;

  function slider() {
    const {axis} = state, limits = {min: map.least[axis], max: map.high[axis], step: step(axis), value: state.height};
    const made = argand.slider("", limits, toldHeight, value => move(state.axis, value));
    const input = made.querySelector("input");
    input.setAttribute("aria-label", `height of the section along ${names[axis]}`);
    input.setAttribute("list", marked.id);
    marked.replaceChildren(...sectionsAcross(axis).map(value => element("option", {value})));
    return made;
  }

  // Heights along an axis at which a whole section, or a line in it, is a Harker section.
  function sectionsAcross(axis) {
    return [...new Set(data.harker.flatMap(section => section.equations.map(row => heightOf(row))
      .filter(found => found?.[0] === axis).map(found => found[1])))];
  }

  // Axis and height of an equation with one coordinate alone; of a height and its inverse, the one shown.
  function heightOf(row) {
    const used = [0, 1, 2].filter(axis => row[axis] !== 0);
    if (used.length !== 1 || Math.abs(row[used[0]]) !== 1) return null;
    const value = row[3] * row[used[0]];
    return [used[0], Math.abs(value - Math.round(value))];
  }

  function harkerBar() {
    const names = data.harker.map(({operators, words}) =>
      `${words}: ${operators[0]}${operators.length > 1 ? ` and ${operators.length - 1} more` : ""}`);
    const made = element("div", {class: "tools harker"}, element("span", {}, "Harker sections"));
    if (names.length <= MOST_BUTTONS) {
      made.append(...names.map((name, one) => argand.button(name, null, () => toHarker(one))));
      return made;
    }
    const list = argand.choice("", ["–", ...names], 0, one => (one ? toHarker(one - 1) : undefined));
    list.querySelector("select").setAttribute("aria-label", "Harker section");
    made.append(list);
    return made;
  }

  function toHarker(one) {
    const found = data.harker[one].equations.map(heightOf).filter(Boolean);
    const [axis, height] = found.find(([axis]) => axis === state.axis) ?? found[0] ?? [2, 0];
    move(axis, height, {harker: one});
  }

  // Another section; what was chosen on the last one no longer is.
  function move(axis, height, {harker = null, chosen = null} = {}) {
    const turned = axis !== state.axis;
    Object.assign(state, {axis, height, harker, chosen, place: null});
    if (turned) {
      const next = slider();
      heights.replaceWith(next);
      heights = next;
      axes.set(axis);
    }
    heights.set(height);
    drawn = null;
    if (chosen === null && data.group) argand.show(data.group, null);
    ask();
  }

  // A mark, on the section across the present axis that has it or its inverse.
  function toMark(chosen) {
    const own = map.images.filter(image => image.number === chosen);
    if (!own.length || state.chosen === chosen) return;
    const within = value => value >= map.least[state.axis] - 1e-6 && value <= map.high[state.axis] + 1e-6;
    const found = own.map(image => image.place[state.axis]).flatMap(one => (isPeriodic ? [one, one + 1] : [one]))
      .find(within);
    move(state.axis, Math.max(found ?? own[0].place[state.axis], map.least[state.axis]), {chosen});
    const box = stage.getBoundingClientRect();
    if (box.bottom < 80 || box.top > innerHeight - 80) figure.scrollIntoView({block: "nearest"});
  }

  function ask() {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(paint);
  }

  function section() {
    const [p, q] = map.others(state.axis), count = one => (map.high[one] - data.low[one]) * data.points[one];
    const refine = Math.max(1, Math.min(4, Math.round(Math.sqrt(MOST_SAMPLES / count(p) / count(q)))));
    const made = map.grid.section(state.axis, state.height, [p, q], data.low, map.high, refine);
    const {up, down} = sections.levels(made, STEPS[state.contours][1], data.top), all = [...down, ...up];
    const lines = argand.contours(made, all).map((line, one) => ({line, negative: all[one] < 0}));
    return {made, lines, picture: sections.shading(made, data.top)};
  }

  function paint() {
    const width = stage.clientWidth, height = stage.clientHeight, ratio = devicePixelRatio || 1;
    if (!width) return;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = argand.css("--stage");
    context.fillRect(0, 0, width, height);
    drawn ??= section();
    shape = sections.frame(map, state.axis, width, height);
    sections.paintMap(context, shape, drawn.made, drawn.picture, drawn.lines);
    sections.paintAxes(context, map, shape);
    const meets = sections.paintHarker(context, map, state, shape);
    marks = sections.marksOn(map, state, shape);
    sections.paintMarks(context, map, state, marks, width);
    paintPlace(context);
    read(meets);
    Object.assign(stage.dataset, {axis: state.axis, height: state.height, chosen: state.chosen ?? ""});
  }

  function paintPlace(context) {
    if (!state.place) return;
    const [x, y] = shape.point([state.place[shape.p], state.place[shape.q]]);
    context.strokeStyle = argand.css("--accent");
    context.lineWidth = 1.5;
    context.beginPath();
    [[x - 9, y, x + 9, y], [x, y - 9, x, y + 9]].forEach(([a, b, c, d]) => {
      context.moveTo(a, b);
      context.lineTo(c, d);
    });
    context.stroke();
  }

  // What is said below: the value at the place pointed at, else which section this is.
  function read(meets) {
    if (state.place) {
      const place = state.place, value = number(factor * map.grid.value(place), digits);
      const side = one => data.lattice.reduce((sum, row, axis) => sum + row[one] * place[axis], 0);
      const far = data.centred ? `, length ${number(Math.hypot(side(0), side(1), side(2)), 2)} ${data.unit}` : "";
      reading.textContent = `${data.letters.join(" ")} = ${coordinates(place)}${far}, ${heightName} ${value}`;
      return;
    }
    const short = names => names.slice(0, 2).join("; ") + (names.length > 2 ? ` and ${names.length - 2} more` : "");
    const whole = meets.whole.length ? `, Harker section of ${short(meets.whole)}` : "";
    const lines = meets.lines.length ? `, dashed: Harker lines of ${short(meets.lines)}` : "";
    reading.textContent = `Section ${toldHeight(state.height)}${whole}${lines}`;
  }

  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function point(event) {
    const [p, q] = shape.back(placeOf(event));
    const inside = (value, axis) => value >= data.low[axis] - 1e-9 && value <= map.high[axis] + 1e-9;
    state.place = null;
    if (inside(p, shape.p) && inside(q, shape.q)) {
      state.place = [0, 0, 0];
      Object.assign(state.place, {[shape.p]: p, [shape.q]: q, [state.axis]: state.height});
    }
    ask();
  }

  function markAt(event) {
    const [x, y] = placeOf(event), far = mark => Math.hypot(x - mark.at[0], y - mark.at[1]);
    const [near] = marks.filter(mark => far(mark) < 12).sort((one, other) => far(one) - far(other));
    return near?.image;
  }

  stage.addEventListener("pointermove", event => shape && point(event));
  stage.addEventListener("pointerdown", event => shape && point(event));
  stage.addEventListener("pointerleave", () => { state.place = null; ask(); });
  stage.addEventListener("click", event => {
    const image = markAt(event);
    if (image && data.group) argand.show(data.group, image.number);
  });
  // Arrows move the place that is read by a grid point, Page Up and Page Down the section, a b c (or x y z) choose its axis.
  stage.addEventListener("keydown", event => {
    const arrow = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1]}[event.key];
    const turn = {PageUp: 1, PageDown: -1}[event.key], axis = names.indexOf(event.key);
    if (!arrow && !turn && axis < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (axis >= 0) move(axis, 0);
    else if (turn) move(state.axis, clamped(state.height + 2 * turn * step(state.axis), state.axis, map.least));
    else {
      const place = state.place ?? [0, 0, 0];
      place[state.axis] = state.height;
      [shape.p, shape.q].forEach((one, side) => {
        place[one] = clamped(place[one] + arrow[side] * 2 * step(one), one, data.low);
      });
      state.place = place;
      ask();
    }
  });
  const clamped = (value, axis, least) => Math.min(map.high[axis], Math.max(least[axis], value));

  new ResizeObserver(ask).observe(stage);
  argand.onTheme(() => { drawn = null; ask(); });
  paint();
  if (data.group) argand.on(data.group, chosen => (chosen === null ? undefined : toMark(chosen)));
};
