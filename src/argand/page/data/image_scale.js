// From counts to colours: limits, linear, root or logarithm, and maps of colours.
(() => {
  const LEVELS = 1024;
  const CURVES = {"square root": share => Math.sqrt(share), linear: share => share,
    logarithm: (share, range) => Math.log1p(share * range) / Math.log1p(range)};
  // Colours at even steps. The third grows steadily brighter and is safe for colour-blind readers (viridis).
  const MAPS = {"dark spots": [[255, 255, 255], [0, 0, 0]], "bright spots": [[0, 0, 0], [255, 255, 255]],
    "violet to yellow": [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]};
  const BRIGHT = [true, false, false];  // Whether few counts are bright, so that lines over them must be dark.
  const MASKED = [[176, 190, 214], [62, 72, 104], [96, 96, 96]];

  const word = ([red, green, blue]) => (255 << 24 | blue << 16 | green << 8 | red) >>> 0;

  function tableOf(stops) {
    const table = new Uint32Array(LEVELS);
    for (let level = 0; level < LEVELS; level++) {
      const place = level / (LEVELS - 1) * (stops.length - 1), first = Math.min(Math.floor(place), stops.length - 2);
      table[level] = word([0, 1, 2].map(part =>
        Math.round(stops[first][part] + (place - first) * (stops[first + 1][part] - stops[first][part]))));
    }
    return table;
  }

  class Scale {
    constructor(low, high) {
      Object.assign(this, {low, high, curve: 0, map: 0, mask: true, version: 0});
      this.update();
    }

    // To be called after any change: pictures of another version are painted again.
    update() {
      this.version++;
      this.table = tableOf(Object.values(MAPS)[this.map]);
      this.masked = word(MASKED[this.map]);
      this.bend = Object.values(CURVES)[this.curve];
    }

    get bright() {
      return BRIGHT[this.map];
    }

    level(counts) {
      const range = Math.max(this.high - this.low, 1e-6), share = (counts - this.low) / range;
      return share <= 0 ? 0 : share >= 1 ? LEVELS - 1 : share > 0 ? Math.round(this.bend(share, range) * (LEVELS - 1)) : 0;
    }

    colour(counts) {
      return this.table[this.level(counts)];
    }
  }

  // Paint a canvas of these sides; `colour(place)` is the word of each pixel.
  function paint(canvas, width, height, colour) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d"), picture = context.createImageData(width, height);
    const words = new Uint32Array(picture.data.buffer);
    for (let place = 0; place < words.length; place++) words[place] = colour(place);
    context.putImageData(picture, 0, 0);
  }

  // The small image: code 0 is no usable pixel.
  function paintSmall(canvas, small, codes, scale) {
    const count = side => Math.ceil(small.shape[side] / small.step);
    const table = new Uint32Array(65536);
    for (let code = 1; code < table.length; code++) table[code] = scale.colour(small.low + ((code - 1) / small.scale) ** 2);
    table[0] = scale.mask ? scale.masked : scale.table[0];
    paint(canvas, count(1), count(0), place => table[codes[place]]);
  }

  // A tile in bins of `step` px, each half mean and half maximum of its usable pixels, as in the small image.
  function paintTile(canvas, tile, step, scale) {
    const {width, height, counts, base} = tile, columns = Math.ceil(width / step);
    const hidden = place => scale.mask && argand.image.masked(tile, place);
    if (step === 1) {
      paint(canvas, width, height, place => hidden(place) ? scale.masked : scale.colour(counts[place] + base));
      return;
    }
    paint(canvas, columns, Math.ceil(height / step), bin => {
      const left = bin % columns * step, top = Math.floor(bin / columns) * step;
      let sum = 0, most = -Infinity, live = 0;
      for (let y = top; y < Math.min(top + step, height); y++)
        for (let x = left; x < Math.min(left + step, width); x++) {
          const place = y * width + x;
          if (argand.image.masked(tile, place)) continue;
          live++;
          sum += counts[place];
          most = Math.max(most, counts[place]);
        }
      return live ? scale.colour((sum / live + most) / 2 + base) : scale.mask ? scale.masked : scale.table[0];
    });
  }

  Object.assign(argand.image, {Scale, paintSmall, paintTile, curves: Object.keys(CURVES), maps: Object.keys(MAPS)});
})();
