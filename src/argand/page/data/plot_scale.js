// Scales of plots: linear and logarithmic, with round ticks; numbers as text; colours of heat maps.
argand.plot = {};
{
  const plain = value => (Math.abs(value) < 1e-12 ? "0" : String(value)).replace("-", "−");
  const raised = power => [...String(power)].map(sign => "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign] ?? "⁻").join("");

  // A number for reading: four digits, with a power of ten where it is very large or small.
  function number(value) {
    if (value === null || !Number.isFinite(value)) return "no value";
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e6 || size < 1e-3)) {
      const power = Math.floor(Math.log10(size));
      return `${plain(Number((value / 10 ** power).toPrecision(3)))}×10${raised(power)}`;
    }
    return plain(Number(value.toPrecision(4)));
  }

  // Multiples of 1, 2 or 5 times a power of ten inside the scale.
  function roundTicks(low, high, count) {
    const rough = (high - low) / count, power = Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find(one => one * 10 ** power >= rough * 0.999) * 10 ** power;
    const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const most = Math.max(Math.abs(low), Math.abs(high)), large = most >= 1e5 || step < 1e-4;
    const ticks = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) {
      const value = n * step;
      ticks.push({value, text: large ? number(value) : value.toFixed(decimals).replace(/^-(?=0\.?0*$)/, "").replace("-", "−")});
    }
    return ticks;
  }

  // Powers of ten, with 2 and 5 times them where there are few.
  function logTicks(low, high, count) {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    const every = Math.max(1, Math.ceil((last - first + 1) / count)), small = first >= -3 && last <= 4;
    const told = (factor, power) => (small ? plain(Number((factor * 10 ** power).toPrecision(3)))
      : `${factor === 1 ? "" : `${factor}×`}10${raised(power)}`);
    const ticks = [];
    for (let power = first - 1; power <= last; power++)
      for (const factor of last - first < 2 ? [1, 2, 5] : [1]) {
        const value = factor * 10 ** power;
        if (value >= low * 0.999999 && value <= high * 1.000001 && (factor > 1 || (power - first) % every === 0))
          ticks.push({value, text: told(factor, power)});
      }
    return ticks.length > 1 ? ticks : roundTicks(low, high, count);
  }

  // `part` of a value is 0 at `low` and 1 at `high`; `value` is its inverse.
  function scale(kind, low, high) {
    if (kind !== "log") return {low, high, part: value => (value - low) / (high - low),
      value: part => low + part * (high - low),
      ticks: count => roundTicks(Math.min(low, high), Math.max(low, high), count)};
    const first = Math.log10(low), length = Math.log10(high) - first;
    return {low, high, part: value => (Math.log10(value) - first) / length, value: part => 10 ** (first + part * length),
      ticks: count => logTicks(low, high, count)};
  }

  // Anchor colours at equal steps of lightness (signed: from dark through light to dark), for the colour-blind too.
  const anchors = {
    inferno: ["#000004", "#210c4a", "#57106e", "#8a226a", "#bc3754", "#e45a31", "#f98e09", "#f9cb35", "#fcffa4"],
    magma: ["#000004", "#1d1147", "#51127c", "#832681", "#b73779", "#e75263", "#fc8961", "#fec488", "#fcfdbf"],
    viridis: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"],
    grey: ["#101010", "#e8e8e8"],
    signed: ["#67001f", "#bb2a34", "#e58368", "#fbceb7", "#f6f7f7", "#c0dceb", "#68abd0", "#2870b1", "#053061"],
  };
  const channels = colour => [1, 3, 5].map(start => Number.parseInt(colour.slice(start, start + 2), 16));

  // 256 colours, as red, green, blue in turn.
  function palette(name) {
    const steps = anchors[name].map(channels), made = new Uint8Array(768);
    for (let code = 0; code < 256; code++) {
      const place = code / 255 * (steps.length - 1), from = Math.min(Math.floor(place), steps.length - 2);
      for (let channel = 0; channel < 3; channel++)
        made[3 * code + channel] = steps[from][channel] + (place - from) * (steps[from + 1][channel] - steps[from][channel]);
    }
    return made;
  }
  const code = part => Math.round(255 * Math.min(1, Math.max(0, part)));
  function colour(colours, part) {
    const start = 3 * code(part);
    return `rgb(${colours[start]} ${colours[start + 1]} ${colours[start + 2]})`;
  }

  // A picture of colours, `at(column, row)` from 0 to 1 or null for none, as a data URL.
  function picture(columns, rows, colours, at) {
    const canvas = argand.element("canvas", {width: columns, height: rows}), pen = canvas.getContext("2d");
    const image = pen.createImageData(columns, rows);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const part = at(column, row), place = 4 * (row * columns + column);
        if (part === null) continue;
        image.data.set(colours.subarray(3 * code(part), 3 * code(part) + 3), place);
        image.data[place + 3] = 255;
      }
    pen.putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  Object.assign(argand.plot, {number, scale, palette, colour, picture});
}
