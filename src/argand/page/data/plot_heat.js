// Heat maps: a picture of the values, and the value of the cell under the cursor.
{
  const {element, plot} = argand;
  // Cells without a value: no colour of any scale, in light and dark.
  const BLANK = "#8b98a5";

  // Values of a heat map; codes (bytes) are placed on its scale again.
  async function valuesOf(data, scale) {
    const values = await argand.array(data.values);
    if (data.values.dtype !== "uint8") return values;
    return Float64Array.from(values, code => (code ? scale.value((code - 1) / 254) : Number.NaN));
  }

  const ends = (axis, count) => [axis.first - axis.step / 2, axis.first + (count - 0.5) * axis.step];
  const titled = axis => (axis.unit ? `${axis.name}, ${axis.unit}` : axis.name);

  plot.heat = async data => {
    const [rows, columns] = data.values.shape, scale = plot.scale(data.scale, data.low, data.high);
    const values = await valuesOf(data, scale), colours = plot.palette(data.colours);
    // On a logarithmic scale all that is not above its low end has the lowest colour.
    const partOf = value => (Number.isFinite(value) ? scale.part(data.scale === "log" ? Math.max(value, data.low) : value) : null);
    const coded = data.values.dtype === "uint8";
    const told = value => `${coded && value <= data.low && data.scale === "log" ? "≤ " : ""}${plot.number(value)}`;
    const image = plot.picture(columns, rows, colours, (column, row) => partOf(values[(rows - 1 - row) * columns + column]));
    const x = plot.scale("linear", ...ends(data.x, columns)), y = plot.scale("linear", ...ends(data.y, rows));
    const aspect = data.equal ? Math.abs(data.x.step * columns / (data.y.step * rows)) : null;

    function draw(width, height) {
      const made = plot.frame(width, height, {title: data.title, aspect, x: {scale: x, title: titled(data.x)},
        y: {scale: y, title: titled(data.y)}, bar: {scale, colours, title: data.unit}});
      const {box, over} = made, wide = box.width / columns, high = box.height / rows;
      // Cells with sharp edges where they are larger than pixels; smaller ones are averaged by the browser.
      made.content.append(element("rect", {x: box.left, y: box.top, width: box.width, height: box.height, fill: BLANK}),
        element("image", {href: image, x: box.left, y: box.top, width: box.width, height: box.height,
        preserveAspectRatio: "none", style: wide >= 1 ? "image-rendering:pixelated" : ""}));
      return {...made,
        pick(px, py) {
          const column = Math.floor((px - box.left) / wide), row = Math.floor((box.bottom - py) / high);
          return column >= 0 && column < columns && row >= 0 && row < rows ? row * columns + column : null;
        },
        spot: item => ({x: box.left + (item % columns + 0.5) * wide, y: box.bottom - (Math.floor(item / columns) + 0.5) * high}),
        mark(item) {
          const {x: px, y: py} = this.spot(item), half = [Math.max(4, wide / 2), Math.max(4, high / 2)];
          for (const [colour, stroke] of [["#000", 3], ["#fff", 1.5]])
            over.append(element("rect", {x: px - half[0], y: py - half[1], width: 2 * half[0], height: 2 * half[1], fill: "none",
              stroke: colour, "stroke-width": stroke}));
        },
      };
    }

    const place = (axis, index) => `${axis.name} ${plot.number(axis.first + index * axis.step)} ${axis.unit}`.trim();
    return {
      draw,
      first: Math.floor(rows / 2) * columns + Math.floor(columns / 2),
      tell: item => [`${place(data.x, item % columns)}, ${place(data.y, Math.floor(item / columns))}`,
        `${data.unit}: ${told(values[item])}`],
      move(item, dx, dy) {
        const column = Math.min(columns - 1, Math.max(0, item % columns + dx));
        const row = Math.min(rows - 1, Math.max(0, Math.floor(item / columns) + dy));
        return row * columns + column;
      },
    };
  };
}
