// Scatter plots, coloured by a category or a value that is chosen.
{
  const {element, plot} = argand;
  const SIGNS = [["--first", "circle"], ["--second", "square"], ["--third", "triangle"], ["--fourth", "diamond"],
    ["--ink", "cross"], ["--soft", "circle"]];
  const NEAR = 18;

  // How one colouring draws: its legend or colour bar, and the sign and paint of each point.
  function colouring({name, values}) {
    if (values.some(value => typeof value === "string")) {
      const kinds = [...new Set(values)], style = value => SIGNS[kinds.indexOf(value) % SIGNS.length];
      return {legend: kinds.map(kind => ({name: String(kind), sign: (x, y) =>
        plot.sign(style(kind)[1], x + 24, y, 4.5, {fill: `var(${style(kind)[0]})`})})),
        paint: n => [style(values[n])[1], `var(${style(values[n])[0]})`]};
    }
    const found = values.filter(plot.there), colours = plot.palette("viridis");
    const low = found.reduce((a, b) => Math.min(a, b), Infinity), high = found.reduce((a, b) => Math.max(a, b), -Infinity);
    if (!found.length) return {legend: [], paint: () => ["circle", "var(--soft)"]};
    const scale = plot.scale("linear", low, high > low ? high : low + 1);
    return {bar: {scale, colours, title: name}, legend: [],
      paint: n => (plot.there(values[n]) ? ["circle", plot.colour(colours, scale.part(values[n]))] : ["cross", "var(--soft)"])};
  }

  plot.points = async (data, tools, again) => {
    const x = plot.spread(data.xs), y = plot.spread(data.ys), styles = data.colourings.map(colouring);
    const usable = data.xs.map((_, n) => plot.there(data.xs[n]) && plot.there(data.ys[n]));
    const order = data.xs.map((_, n) => n).filter(n => usable[n]).sort((a, b) => data.xs[a] - data.xs[b]);
    let way = 0;
    if (styles.length > 1) tools.append(argand.choice("colour by", data.colourings.map(one => one.name), 0, chosen => {
      way = chosen;
      again();
    }));

    function draw(width, height) {
      const style = styles[way] ?? {legend: [], paint: () => ["circle", "var(--first)"]};
      const made = plot.frame(width, height, {title: data.title, legend: style.legend, bar: style.bar,
        x: {scale: x, title: data.x}, y: {scale: y, title: data.y}});
      const spot = n => ({x: made.x(data.xs[n]), y: made.y(data.ys[n])});
      for (const n of order) {
        const [kind, fill] = style.paint(n);
        made.content.append(plot.sign(kind, spot(n).x, spot(n).y, 4.5, {fill, stroke: "var(--stage)", "data-point": n}));
      }
      return {...made, spot,
        pick(px, py) {
          const off = n => Math.hypot(spot(n).x - px, spot(n).y - py);
          const best = order.reduce((a, b) => (a === null || off(b) < off(a) ? b : a), null);
          return best !== null && off(best) <= NEAR ? best : null;
        },
        mark: (n, chosen) => made.over.append(element("circle", {cx: spot(n).x, cy: spot(n).y, r: chosen ? 9 : 7, fill: "none",
          stroke: chosen ? "var(--bad)" : "var(--accent)", "stroke-width": chosen ? 3 : 2})),
      };
    }

    const told = n => data.colourings.map(({name, values}) =>
      `${name}: ${typeof values[n] === "string" ? values[n] : plot.number(values[n])}`);
    return {draw, first: order[0] ?? null, linked: data.names.length, exact: true,
      tell: n => [data.names[n], `${data.x}: ${plot.number(data.xs[n])}`, `${data.y}: ${plot.number(data.ys[n])}`, ...told(n)],
      move: (n, dx, dy) => order[Math.min(order.length - 1, Math.max(0, order.indexOf(n) + dx + dy))]};
  };
}
