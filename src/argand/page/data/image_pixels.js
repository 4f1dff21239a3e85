// Pixels of images: what Python's `squeezed` packed, script files beside the page, and tiles unpacked when seen.
argand.image = {};
(() => {
  const MOST_TILES = 240;  // By hand: a large screen shows some 60; each takes up to 0.6 MB.
  const TYPES = {uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array,
    float64: Float64Array};
  const waiting = {}, loads = {};

  // A script file beside the page calls this with its name and its value.
  argand.beside = (name, value) => waiting[name]?.(value);

  // The value of a script file beside the page, loaded once.
  function beside(name, address) {
    loads[name] ??= new Promise((resolve, reject) => {
      waiting[name] = resolve;
      const script = argand.element("script", {src: address,
        error: () => reject(new Error(`the file ${name} is not beside this page`))});
      document.head.append(script);
    });
    return loads[name];
  }

  // Numbers of which all first bytes come first, then all second ones, ...
  async function unpack({dtype, data}) {
    const bytes = await argand.array({dtype: "uint8", data}), Type = TYPES[dtype], width = Type.BYTES_PER_ELEMENT;
    if (width === 1) return bytes;
    const count = bytes.length / width, merged = new Uint8Array(bytes.length);
    for (let byte = 0, from = 0; byte < width; byte++)
      for (let place = byte; place < merged.length; place += width) merged[place] = bytes[from++];
    return new Type(merged.buffer, 0, count);
  }

  // Tiles of all pixels; the ones seen last are kept unpacked. `changed` is called when another one is there.
  class Tiles {
    constructor({shape, side, tiles}, changed) {
      Object.assign(this, {shape, side, packed: tiles, changed, kept: new Map(), columns: Math.ceil(shape[1] / side)});
    }

    // The tile in this row and column; null until it is unpacked.
    at(row, column) {
      const number = row * this.columns + column, found = this.kept.get(number);
      if (found === undefined) {
        this.kept.set(number, null);
        this.open(number, row, column);
        return null;
      }
      this.kept.delete(number);
      this.kept.set(number, found);
      return found;
    }

    async open(number, row, column) {
      const {counts, base, unusable} = this.packed[number], side = this.side;
      const tile = {base, row, column, counts: await unpack(counts), unusable: unusable ? await unpack(unusable) : null,
        height: Math.min(side, this.shape[0] - row * side), width: Math.min(side, this.shape[1] - column * side)};
      this.kept.set(number, tile);
      for (const [oldest, one] of this.kept) {
        if (this.kept.size <= MOST_TILES) break;
        if (one) this.kept.delete(oldest);
      }
      this.changed();
    }

    // Counts of a pixel and whether it is usable; null until its tile is unpacked or outside the image.
    pixel(fast, slow) {
      if (fast < 0 || slow < 0 || fast >= this.shape[1] || slow >= this.shape[0]) return null;
      const tile = this.at(Math.floor(slow / this.side), Math.floor(fast / this.side));
      if (!tile) return null;
      const place = (slow % this.side) * tile.width + fast % this.side;
      return {counts: tile.counts[place] + tile.base, usable: !masked(tile, place)};
    }
  }

  const masked = (tile, place) => tile.unusable !== null && (tile.unusable[place >> 3] >> (7 - (place & 7)) & 1) === 1;

  Object.assign(argand.image, {beside, unpack, Tiles, masked});
})();
