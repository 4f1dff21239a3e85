// What is drawn over an image: rings of constant resolution, spots, centres, and the counts of single pixels.
(() => {
  // Dark and bright of each pair are for bright and dark images. Shapes differ too.
  const COLOURS = {ring: ["#0060a8", "#6cc4ff"], indexed: ["#00694a", "#3fe0ad"], other: ["#b3361a", "#ffa07a"],
    found: ["#7a2b80", "#eaa0f0"], header: ["#8a4b00", "#ffb454"], centre: ["#004f9e", "#4fd8ff"],
    guess: ["#555555", "#d0d0d0"], pointer: ["#a0005a", "#ff8ac4"]};
  const NUMBERS_FROM = 26;  // Screen px a pixel from which its counts are written in it. By hand: three digits fit.
  const LEAST_TEXT = 7;  // Smallest letters in px that can still be read.

  // `at(fast, slow)` is the place on the screen; lines have an edge of the other brightness.
  class Marks {
    constructor(context, view, bright) {
      Object.assign(this, {context, view, bright});
    }

    colour(name) {
      return COLOURS[name][this.bright ? 0 : 1];
    }

    stroke(name, width = 1.5, dash = []) {
      const {context} = this;
      context.setLineDash([]);
      context.strokeStyle = this.bright ? "rgba(255, 255, 255, 0.75)" : "rgba(0, 0, 0, 0.65)";
      context.lineWidth = width + 2;
      context.stroke();
      context.setLineDash(dash);
      context.strokeStyle = this.colour(name);
      context.lineWidth = width;
      context.stroke();
      context.setLineDash([]);
    }

    label(words, [x, y], name) {
      const {context} = this;
      context.font = "600 12px system-ui, sans-serif";
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.lineWidth = 4;
      context.strokeStyle = this.bright ? "rgba(255, 255, 255, 0.9)" : "rgba(0, 0, 0, 0.8)";
      context.strokeText(words, x, y);
      context.fillStyle = this.colour(name);
      context.fillText(words, x, y);
    }

    path(points) {
      const {context, view} = this;
      context.beginPath();
      let pen = false;
      for (const point of points) {
        if (point) context[pen ? "lineTo" : "moveTo"](...view.at(...point));
        pen = point !== null;
      }
    }

    // A ring; gives where its label belongs: on image and window, as near to the upper right as possible.
    ring(geometry, twoTheta, name = "ring", dash = []) {
      const points = geometry.ring(twoTheta), {view} = this;
      this.path(points);
      this.stroke(name, 1.2, dash);
      const [left, top] = view.at(0, 0), [right, bottom] = view.at(view.shape[1], view.shape[0]);
      const seen = points.map((point, number) => [number, point && view.at(...point)])
        .filter(([, place]) => place && view.holds(place, 24)
          && place[0] > left && place[0] < right && place[1] > top && place[1] < bottom)
        .sort(([a], [b]) => Math.abs(a - 320) - Math.abs(b - 320));
      return seen.length ? seen[0][1] : null;
    }

    // Circles, squares or diamonds about spots: as large as the spots of a few pixels, but always to be seen.
    spots(places, shape, name) {
      const {context, view} = this, radius = Math.max(3, Math.min(5.5 * view.zoom, 60));
      context.beginPath();
      for (const [fast, slow] of places) {
        const [x, y] = view.at(fast, slow);
        if (!view.holds([x, y], -radius)) continue;
        if (shape === "circle") {
          context.moveTo(x + radius, y);
          context.arc(x, y, radius, 0, 2 * Math.PI);
        } else if (shape === "square") context.rect(x - 0.85 * radius, y - 0.85 * radius, 1.7 * radius, 1.7 * radius);
        else {
          context.moveTo(x, y - 1.2 * radius);
          for (const [right, down] of [[1, 0], [0, 1], [-1, 0], [0, -1]]) context.lineTo(x + 1.2 * radius * right, y + 1.2 * radius * down);
        }
      }
      // Thousands on a small image would hide it with their edges.
      if (radius < 6) {
        context.strokeStyle = this.colour(name);
        context.lineWidth = 1;
        context.stroke();
      } else this.stroke(name);
    }

    // A cross, upright or turned.
    cross(centre, name, turned) {
      const {context} = this, [x, y] = this.view.at(...centre), long = 12, part = turned ? Math.SQRT1_2 : 1;
      const arms = turned ? [[part, part], [part, -part]] : [[1, 0], [0, 1]];
      context.beginPath();
      for (const [right, down] of arms) {
        context.moveTo(x - long * right, y - long * down);
        context.lineTo(x + long * right, y + long * down);
      }
      this.stroke(name, 2);
    }

    // The ellipse of three standard deviations, from a covariance in px².
    ellipse(centre, [[xx, xy], [, yy]], name) {
      const half = (xx - yy) / 2, middle = (xx + yy) / 2, root = Math.hypot(half, xy);
      const axes = [middle + root, Math.max(middle - root, 0)].map(value => 3 * Math.sqrt(value) * this.view.zoom);
      if (axes[0] < 2) return;
      this.context.beginPath();
      this.context.ellipse(...this.view.at(...centre), ...axes, Math.atan2(2 * xy, xx - yy) / 2, 0, 2 * Math.PI);
      this.stroke(name);
    }

    // Counts in the pixels and lines between them, where they are large enough.
    numbers(tiles, scale) {
      const {context, view} = this, zoom = view.zoom;
      if (zoom < NUMBERS_FROM) return;
      const [left, top] = view.from(0, 0).map(Math.floor), [right, bottom] = view.from(view.width, view.height);
      context.textAlign = "center";
      context.textBaseline = "middle";
      for (let slow = Math.max(top, 0); slow < bottom; slow++)
        for (let fast = Math.max(left, 0); fast < right; fast++) {
          const pixel = tiles.pixel(fast, slow);
          if (pixel) this.number(pixel, view.at(fast + 0.5, slow + 0.5), scale);
        }
    }

    number({counts, usable}, [x, y], scale) {
      const {context, view: {zoom}} = this, words = told(counts);
      const size = Math.min(0.36 * zoom, 1.5 * zoom / words.length, 15);
      context.strokeStyle = "rgba(128, 128, 128, 0.35)";
      context.lineWidth = 1;
      context.strokeRect(x - zoom / 2, y - zoom / 2, zoom, zoom);
      if (size < LEAST_TEXT) return;
      const word = usable || !scale.mask ? scale.colour(counts) : scale.masked;
      const light = 0.3 * (word & 255) + 0.59 * (word >> 8 & 255) + 0.11 * (word >> 16 & 255);
      context.fillStyle = light > 125 ? "#000000" : "#ffffff";
      context.font = `${size}px system-ui, sans-serif`;
      context.fillText(words, x, y);
    }
  }

  // Counts as text: whole numbers in full.
  const told = counts => Number.isInteger(counts) ? String(counts) : Number.isNaN(counts) ? "NaN" : counts.toPrecision(4);

  Object.assign(argand.image, {Marks, told});
})();
