// Lines with error bars, and bars.
{
  const {element, plot} = argand;
  // Series differ in colour, dash and mark, so that no one needs the colours.
  const STYLES = [["--first", "", "circle"], ["--second", "7 4", "square"], ["--third", "2 3", "triangle"],
    ["--fourth", "9 3 2 3", "diamond"], ["--ink", "1 4", "circle"], ["--soft", "12 4", "square"]];
  const FEW = 60;

  // A mark about a point: circle, square, triangle or diamond.
  function sign(kind, x, y, size, attributes) {
    if (kind === "circle") return element("circle", {cx: x, cy: y, r: size, ...attributes});
    const corners = {square: [[-1, -1], [1, -1], [1, 1], [-1, 1]], triangle: [[0, -1.3], [1.2, 1], [-1.2, 1]],
      diamond: [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]], cross: [[-1.3, -0.5], [-0.5, -0.5], [-0.5, -1.3], [0.5, -1.3],
        [0.5, -0.5], [1.3, -0.5], [1.3, 0.5], [0.5, 0.5], [0.5, 1.3], [-0.5, 1.3], [-0.5, 0.5], [-1.3, 0.5]]};
    return element("polygon", {points: corners[kind].map(([a, b]) => `${x + a * size},${y + b * size}`).join(" "), ...attributes});
  }

  const there = value => value !== null && Number.isFinite(value);

  // Ends of a scale over values, with a margin; a single value gets one too.
  function spread(values, kind = "linear") {
    const usable = values.filter(value => there(value) && (kind !== "log" || value > 0));
    let low = usable.reduce((a, b) => Math.min(a, b), Infinity), high = usable.reduce((a, b) => Math.max(a, b), -Infinity);
    if (!usable.length) [low, high] = kind === "log" ? [1, 10] : [0, 1];
    if (kind === "log") return plot.scale("log", low / 1.2, high * 1.2);
    const margin = high > low ? (high - low) * 0.04 : Math.abs(high) * 0.1 || 1;
    return plot.scale("linear", low - margin, high + margin);
  }

  const withErrors = ({y, sigma}) => (sigma ? y.flatMap((value, n) => (there(value) ? [value - sigma[n], value + sigma[n]] : [])) : y);

  // The path of a line, broken where a value is missing.
  function pathOf({x, y}, made, usable) {
    let down = false;
    return x.map((value, n) => {
      if (!there(value) || !usable(y[n])) { down = false; return ""; }
      const step = `${down ? "L" : "M"}${made.x(value).toFixed(1)} ${made.y(y[n]).toFixed(1)}`;
      down = true;
      return step;
    }).join("");
  }

  function drawSeries(layer, series, [colour, dash, kind], made, usable) {
    const paint = `var(${colour})`;
    const clamp = value => Math.min(made.box.bottom, Math.max(made.box.top, value));
    layer.append(element("path", {d: pathOf(series, made, usable), fill: "none", stroke: paint, "stroke-width": 1.8,
      "stroke-dasharray": dash || null, "stroke-linejoin": "round"}));
    series.x.forEach((value, n) => {
      if (!there(value) || !usable(series.y[n])) return;
      const x = made.x(value), spread = series.sigma?.[n];
      if (there(spread)) {
        const low = usable(series.y[n] - spread) ? made.y(series.y[n] - spread) : made.box.bottom;
        layer.append(element("line", {x1: x, x2: x, y1: clamp(low), y2: clamp(made.y(series.y[n] + spread)), stroke: paint}));
      }
      if (series.x.length <= FEW) layer.append(sign(kind, x, made.y(series.y[n]), 3, {fill: paint}));
    });
  }

  plot.lines = async data => {
    const all = name => data.series.flatMap(one => (name === "x" ? one.x : withErrors(one)));
    const x = spread(all("x")), y = spread(all("y"), data.scale), main = data.series[0] ?? {x: [], y: []};
    const usable = value => there(value) && (data.scale !== "log" || value > 0);
    const styled = data.series.map((one, n) => [one, STYLES[n % STYLES.length]]);
    const legend = data.series.length < 2 ? [] : styled.map(([one, [colour, dash, kind]]) => ({name: one.name,
      sign: (px, py) => element("g", {}, element("line", {x1: px, x2: px + 28, y1: py, y2: py, stroke: `var(${colour})`,
        "stroke-width": 1.8, "stroke-dasharray": dash || null}),
        one.x.length <= FEW ? sign(kind, px + 14, py, 3, {fill: `var(${colour})`}) : null)}));

    function draw(width, height) {
      const made = plot.frame(width, height, {title: data.title, legend, x: {scale: x, title: data.x}, y: {scale: y, title: data.y}});
      for (const [one, style] of styled) drawSeries(made.content, one, style, made, usable);
      return {...made,
        pick(px) {
          let best = null, least = Infinity;
          main.x.forEach((value, n) => {
            const off = there(value) ? Math.abs(made.x(value) - px) : Infinity;
            if (off < least) [best, least] = [n, off];
          });
          return best;
        },
        spot: item => ({x: made.x(main.x[item]), y: usable(main.y[item]) ? made.y(main.y[item]) : made.box.top}),
        mark(item, chosen) {
          const px = made.x(main.x[item]);
          made.over.append(element("line", {x1: px, x2: px, y1: made.box.top, y2: made.box.bottom, stroke: "var(--accent)",
            "stroke-width": chosen ? 2.5 : 1, "stroke-dasharray": chosen ? null : "3 3"}));
        },
      };
    }

    const at = (one, item) => (one.x[item] === main.x[item] ? item : one.x.indexOf(main.x[item]));
    function tell(item) {
      const told = data.series.map(one => {
        const n = at(one, item), spread = one.sigma?.[n];
        return n < 0 ? null : `${one.name}: ${plot.number(one.y[n])}${there(spread) ? ` ± ${plot.number(spread)}` : ""}`;
      });
      return [`${data.x}: ${plot.number(main.x[item])}`, ...told.filter(Boolean)];
    }
    return {draw, tell, first: 0, linked: main.x.length,
      move: (item, dx, dy) => Math.min(main.x.length - 1, Math.max(0, item + dx + dy))};
  };

  plot.bars = async data => {
    const most = data.values.reduce((a, b) => Math.max(a, b ?? 0), 0), least = data.values.reduce((a, b) => Math.min(a, b ?? 0), 0);
    const x = plot.scale("linear", least * 1.05, most * 1.05 || 1), y = plot.scale("linear", data.names.length, 0);
    function draw(width, height) {
      const made = plot.frame(width, height, {title: data.title, names: data.names, x: {scale: x, title: data.y}, y: {scale: y}});
      const {box, content} = made, high = box.height / data.names.length, every = Math.ceil(14 / high);
      data.names.forEach((name, n) => {
        const middle = box.top + (n + 0.5) * high, from = made.x(0), to = made.x(data.values[n] ?? 0), strong = n === data.highlight;
        content.append(element("rect", {x: Math.min(from, to), y: middle - high * 0.36, width: Math.abs(to - from),
          height: high * 0.72, fill: strong ? "var(--first)" : "var(--soft)"}));
        if (n % every === 0) content.append(plot.written(plot.cut(`${strong ? "▸ " : ""}${name}`, box.left - 16), {x: box.left - 8,
          y: middle + 4, "text-anchor": "end", fill: "var(--ink)", "font-weight": strong ? 600 : null}));
      });
      const row = py => Math.floor((py - box.top) / high);
      return {...made,
        pick: (px, py) => (row(py) >= 0 && row(py) < data.names.length ? row(py) : null),
        spot: item => ({x: made.x(data.values[item] ?? 0), y: box.top + (item + 0.5) * high}),
        mark: item => made.over.append(element("rect", {x: box.left, y: box.top + item * high, width: box.width, height: high,
          fill: "none", stroke: "var(--accent)", "stroke-width": 2})),
      };
    }
    return {draw, first: data.highlight ?? 0, tell: item => [data.names[item], `${data.y}: ${plot.number(data.values[item])}`],
      move: (item, dx, dy) => Math.min(data.names.length - 1, Math.max(0, item + dx - dy))};
  };

  Object.assign(plot, {sign, spread, there});
}
