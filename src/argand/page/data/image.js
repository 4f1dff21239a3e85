// A diffraction image: from the whole to single pixels, with what was found on it.
argand.views.image = async (stage, data, figure) => new argand.image.Viewer(stage, data, figure).start();

(() => {
  const {element} = argand;
  const MOST_ZOOM = 96, NEAR_ZOOM = 8;  // Screen px a pixel: at most, and for a look at the centre. By hand.
  const KEYS = "arrow keys move, + and − zoom, 0 whole image, 1 one pixel on one of the screen, c beam centre, "
    + "r rings, s spots, m mask, n and p next and previous image";

  class Viewer {
    constructor(stage, data, figure) {
      Object.assign(this, {stage, data, figure, tiles: null, pointer: null, keyed: false, pending: false});
      this.shown = {rings: true, spots: true, indexed: true, other: true, found: true};
      this.geometry = data.geometry && new argand.image.Geometry(data.geometry);
      this.canvas = element("canvas", {tabindex: "0", role: "application", "aria-label": `${stage.getAttribute("aria-label")}: ${KEYS}`});
      this.canvas.style.cssText = "width:100%;height:100%;touch-action:none;cursor:crosshair";
      this.readout = element("p", {class: "soft"});
      this.readout.style.cssText = "font-variant-numeric:tabular-nums;min-height:3em;margin:6px 0";
      this.spoken = element("p", {class: "unseen", "aria-live": "polite"});
    }

    async start() {
      const {data} = this;
      this.small = data.image ?? await argand.image.beside(data.beside.name, data.beside.address);
      this.codes = await argand.image.unpack(this.small.code);
      this.shape = this.small.shape;
      this.scale = new argand.image.Scale(...this.small.limits);
      this.overview = document.createElement("canvas");
      await this.readSpots();
      this.stage.replaceChildren(this.canvas);
      this.resize();
      this.whole();
      this.restore();
      this.controls();
      this.listen();
      new ResizeObserver(() => this.resize()).observe(this.stage);
      argand.onTheme(() => this.ask());
      this.paint();
      this.figure.viewer = this;
    }

    async readSpots() {
      this.spots = {indexed: [], other: [], found: []};
      if (!this.small.spots) return;
      const px = await argand.image.unpack(this.small.spots.px), marks = this.small.spots.indexed;
      const indexed = marks && await argand.image.unpack(marks);
      for (let spot = 0; 2 * spot < px.length; spot++)
        this.spots[indexed ? (indexed[spot] ? "indexed" : "other") : "found"].push([px[2 * spot], px[2 * spot + 1]]);
    }

    // All pixels are loaded once they can be seen, or are asked for by the pointer.
    async loadTiles() {
      const {pixels} = this.data;
      if (this.tiles || this.loading || !pixels) return;
      this.loading = true;
      try {
        this.tiles = new argand.image.Tiles(await argand.image.beside(pixels.name, pixels.address), () => this.ask());
      } catch (error) {
        this.missing = error.message;
      }
      this.ask();
    }

    // Screen px of a place on the image, and the other way round.
    at(fast, slow) {
      return [(fast - this.x) * this.zoom + this.width / 2, (slow - this.y) * this.zoom + this.height / 2];
    }

    from(x, y) {
      return [(x - this.width / 2) / this.zoom + this.x, (y - this.height / 2) / this.zoom + this.y];
    }

    holds([x, y], margin) {
      return x >= margin && y >= margin && x <= this.width - margin && y <= this.height - margin;
    }

    resize() {
      const ratio = devicePixelRatio || 1, fitted = this.zoom === undefined || this.zoom === this.fit;
      this.width = this.stage.clientWidth || 300;
      this.height = this.stage.clientHeight || 300;
      this.canvas.width = Math.round(this.width * ratio);
      this.canvas.height = Math.round(this.height * ratio);
      this.fit = Math.min(this.width / this.shape[1], this.height / this.shape[0]);
      if (fitted) this.whole();
      this.ask();
    }

    whole() {
      this.move(this.shape[1] / 2, this.shape[0] / 2, this.fit);
    }

    move(x, y, zoom = this.zoom) {
      this.zoom = Math.max(0.5 * this.fit, Math.min(zoom, MOST_ZOOM));
      this.x = Math.max(0, Math.min(x, this.shape[1]));
      this.y = Math.max(0, Math.min(y, this.shape[0]));
      this.ask();
    }

    // Zoom about a place on the screen, which stays where it is.
    zoomBy(factor, x = this.width / 2, y = this.height / 2) {
      const [fast, slow] = this.from(x, y);
      const zoom = Math.max(0.5 * this.fit, Math.min(this.zoom * factor, MOST_ZOOM));
      this.move(fast - (x - this.width / 2) / zoom, slow - (y - this.height / 2) / zoom, zoom);
    }

    near() {
      const centre = this.data.centre ?? this.data.header;
      if (centre) this.move(...centre, Math.max(NEAR_ZOOM, this.fit));
    }

    ask() {
      if (this.pending) return;
      this.pending = true;
      requestAnimationFrame(() => {
        this.pending = false;
        this.paint();
      });
    }

    paint() {
      const context = this.canvas.getContext("2d"), ratio = this.canvas.width / this.width;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.fillStyle = argand.css("--ground");
      context.fillRect(0, 0, this.width, this.height);
      if (this.zoom * ratio * this.small.step > 1.3) this.loadTiles();
      this.paintOverview(context);
      if (this.tiles && this.zoom * ratio * this.small.step > 1.3) this.paintTiles(context, ratio);
      this.paintMarks(context);
      this.tell();
    }

    paintOverview(context) {
      const {small, overview, scale} = this;
      if (this.painted !== scale.version) argand.image.paintSmall(overview, small, this.codes, scale);
      this.painted = scale.version;
      context.imageSmoothingEnabled = this.zoom * small.step < 1;
      const [x, y] = this.at(0, 0), size = this.zoom * small.step;
      context.save();
      context.beginPath();
      context.rect(x, y, this.shape[1] * this.zoom, this.shape[0] * this.zoom);
      context.clip();
      context.drawImage(overview, x, y, overview.width * size, overview.height * size);
      context.restore();
    }

    paintTiles(context, ratio) {
      const {side} = this.tiles, seen = this.zoom * ratio, step = seen >= 0.75 ? 1 : seen >= 0.375 ? 2 : 4;
      const [left, top] = this.from(0, 0), [right, bottom] = this.from(this.width, this.height);
      context.imageSmoothingEnabled = seen * step < 1;
      const last = (place, size) => Math.min(Math.ceil(place / side), Math.ceil(size / side));
      for (let row = Math.max(0, Math.floor(top / side)); row < last(bottom, this.shape[0]); row++)
        for (let column = Math.max(0, Math.floor(left / side)); column < last(right, this.shape[1]); column++) {
          const tile = this.tiles.at(row, column);
          if (tile) this.paintTile(context, tile, step, ratio);
        }
    }

    paintTile(context, tile, step, ratio) {
      const version = `${this.scale.version} ${step}`, side = this.tiles.side;
      tile.canvas ??= document.createElement("canvas");
      if (tile.version !== version) argand.image.paintTile(tile.canvas, tile, step, this.scale);
      tile.version = version;
      // Edges on whole pixels of the screen, so that no seams are seen between tiles.
      const round = value => Math.round(value * ratio) / ratio;
      const [x, y] = this.at(tile.column * side, tile.row * side).map(round);
      const [right, bottom] = this.at(tile.column * side + tile.width, tile.row * side + tile.height).map(round);
      context.drawImage(tile.canvas, 0, 0, tile.width / step, tile.height / step, x, y, right - x, bottom - y);
    }

    paintMarks(context) {
      const {data, shown, geometry} = this, marks = new argand.image.Marks(context, this, this.scale.bright);
      if (this.tiles) marks.numbers(this.tiles, this.scale);
      const rings = shown.rings && geometry ? data.rings : [], labels = rings.map(d => marks.ring(geometry, geometry.angle(d)));
      if (shown.indexed && shown.spots) marks.spots(this.spots.indexed, "circle", "indexed");
      if (shown.other && shown.spots) marks.spots(this.spots.other, "square", "other");
      if (shown.found && shown.spots) marks.spots(this.spots.found, "diamond", "found");
      if (data.header) marks.cross(data.header, "header", true);
      const name = data.trusted ? "centre" : "guess";
      if (data.centre) marks.cross(data.centre, name, false);
      if (data.centre && data.covariance) marks.ellipse(data.centre, data.covariance, name);
      rings.forEach((d, number) => { if (labels[number]) marks.label(`${d} Å`, labels[number], "ring"); });
      this.paintPointer(marks);
    }

    // The circle of the pointer's d, and a cross where keys point.
    paintPointer(marks) {
      const place = this.place(), {geometry} = this, angle = place && geometry ? geometry.twoTheta(...place) : 0;
      if (this.shown.rings && angle > 1e-4) {
        const label = marks.ring(geometry, angle, "pointer", [5, 4]);
        if (label) marks.label(`${geometry.spacing(angle).toPrecision(4)} Å`, label, "pointer");
      }
      if (this.keyed && place) marks.cross(place, "pointer", false);
    }

    // Where the reader points: the pointer, or the middle of the view while keys move it.
    place() {
      const place = this.keyed ? [this.x, this.y] : this.pointer && this.from(...this.pointer);
      const inside = place && place[0] >= 0 && place[1] >= 0 && place[0] < this.shape[1] && place[1] < this.shape[0];
      return inside ? place : null;
    }

    tell() {
      const place = this.place();
      const words = place ? this.describe(...place) : "Point at the image for position, counts, d and 2θ.";
      const note = this.missing ? ` All pixels cannot be shown: ${this.missing}.` : "";
      this.readout.textContent = words + note;
      if (!this.keyed || !place) return;
      clearTimeout(this.speaking);
      this.speaking = setTimeout(() => { this.spoken.textContent = words; }, 400);
    }

    describe(fast, slow) {
      const told = [`(fast, slow) ${fast.toFixed(1)}, ${slow.toFixed(1)} px`,
        `pixel ${Math.floor(fast)}, ${Math.floor(slow)}: ${this.counted(Math.floor(fast), Math.floor(slow))}`];
      if (this.geometry) {
        const angle = this.geometry.twoTheta(fast, slow);
        if (angle > 1e-6) told.push(`d ${this.geometry.spacing(angle).toPrecision(5)} Å`);
        told.push(`2θ ${(angle * 180 / Math.PI).toFixed(3)}°${this.data.trusted ? "" : " (best guess)"}`);
      }
      return told.join(" · ");
    }

    // Counts of a pixel; before all pixels are loaded, those of the bin that it is in.
    counted(fast, slow) {
      const pixel = this.tiles?.pixel(fast, slow);
      if (pixel) return `${argand.image.told(pixel.counts)} counts${pixel.usable ? "" : ", masked"}`;
      const {step, low, scale, shape} = this.small;
      const code = this.codes[Math.floor(slow / step) * Math.ceil(shape[1] / step) + Math.floor(fast / step)];
      if (code === 0) return "masked";
      const counts = (low + ((code - 1) / scale) ** 2).toPrecision(3);
      return step === 1 ? `about ${Number(counts)} counts` : `about ${Number(counts)} counts (half mean, half maximum of ${step} × ${step} px)`;
    }
  }

  argand.image.Viewer = Viewer;
})();
