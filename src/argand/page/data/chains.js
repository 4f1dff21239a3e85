// Backbones of parallel chains in 3-D: lines on a canvas, sorted by depth, turned by pointer and keys.
{
  const {element} = argand;
  const SIDE = [0, 0, 1, 0, 1, 0, -1, 0, 0], ALONG = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const STEP = Math.PI / 36, SHADES = 24;
  // Segments that are drawn as one line: so few that their depth is one, and a quarter of the lines.
  const RUN = 4;

  const times = (a, b) => [0, 3, 6].flatMap(row => [0, 1, 2].map(column =>
    a[row] * b[column] + a[row + 1] * b[column + 3] + a[row + 2] * b[column + 6]));
  // Rotation about an axis of the screen (0: across, 1: upwards) or of what is drawn (2: z).
  function about(axis, angle) {
    const c = Math.cos(angle), s = Math.sin(angle);
    return [[1, 0, 0, 0, c, -s, 0, s, c], [c, 0, s, 0, 1, 0, -s, 0, c], [c, -s, 0, s, c, 0, 0, 0, 1]][axis];
  }
  const channels = colour => [1, 3, 5].map(start => Number.parseInt(colour.slice(start, start + 2), 16));

  // Colours of the sheets, each fading with depth into the ground: a row of SHADES for each chain.
  function shadesOf(data, ground) {
    const palette = argand.plot.palette("viridis"), back = channels(ground), bright = back[0] > 128;
    const low = Math.min(...data.sheets), span = Math.max(...data.sheets) - low || 1;
    return data.sheets.map(sheet => {
      // Without the end of the colours that is as light, or as dark, as the ground.
      const part = (sheet - low) / span, code = Math.round(255 * (bright ? 0.82 * part : 0.25 + 0.75 * part));
      const full = data.trusted ? [...palette.subarray(3 * code, 3 * code + 3)]
        : Array(3).fill(bright ? 60 + 90 * part : 130 + 90 * part);
      return Array.from({length: SHADES}, (_, shade) => {
        const kept = 0.35 + 0.65 * shade / (SHADES - 1);
        return `rgb(${full.map((value, n) => Math.round(kept * value + (1 - kept) * back[n])).join(" ")})`;
      });
    });
  }

  // A round length in Å that is some `wanted` Å long.
  function roundLength(wanted) {
    const power = 10 ** Math.floor(Math.log10(wanted));
    return [5, 2, 1].find(one => one * power <= wanted) * power;
  }

  function drawing(data, tenths) {
    const [chains, points] = data.tenths.shape, count = chains * points;
    const flat = new Float32Array(3 * count), order = [];
    for (let chain = 0; chain < chains; chain++)
      for (let point = 0; point < points - 1; point += RUN) order.push(chain * points + point);
    const last = at => Math.min(at + RUN, (Math.floor(at / points) + 1) * points - 1);
    const depth = at => flat[3 * at + 2] + flat[3 * last(at) + 2];

    function turn(m) {
      for (let n = 0; n < count; n++) {
        const x = tenths[3 * n] / 10, y = tenths[3 * n + 1] / 10, z = tenths[3 * n + 2] / 10;
        for (let row = 0; row < 3; row++) flat[3 * n + row] = m[3 * row] * x + m[3 * row + 1] * y + m[3 * row + 2] * z;
      }
      order.sort((a, b) => depth(a) - depth(b));
    }
    // Half the width, height and depth of what is drawn.
    const reach = () => [0, 1, 2].map(row => {
      let most = 1;
      for (let n = 0; n < count; n++) most = Math.max(most, Math.abs(flat[3 * n + row]));
      return most;
    });
    function draw(pen, width, height, scale, shades, ground) {
      const deep = reach()[2], wide = Math.min(4, Math.max(1.2, 0.9 * scale));
      pen.lineCap = pen.lineJoin = "round";
      for (const at of order) {
        const shade = Math.round((depth(at) / (4 * deep) + 0.5) * (SHADES - 1));
        pen.beginPath();
        for (let point = at; point <= last(at); point++)
          pen.lineTo(width / 2 + scale * flat[3 * point], height / 2 - scale * flat[3 * point + 1]);
        // A rim in the colour of the ground shows which of two crossing lines is in front.
        pen.lineWidth = wide + 2;
        pen.strokeStyle = ground;
        pen.stroke();
        pen.lineWidth = wide;
        pen.strokeStyle = shades[Math.floor(at / points)][Math.max(0, Math.min(SHADES - 1, shade))];
        pen.stroke();
      }
    }
    return {turn, reach, draw};
  }

  function drawScaleBar(pen, height, scale) {
    const length = roundLength(110 / scale), px = length * scale;
    pen.fillRect(14, height - 16, px, 3);
    pen.fillText(length >= 10 ? `${length / 10} nm` : `${length} Å`, 14, height - 22);
  }

  // The directions x, y and z (the fibril axis).
  function drawAxes(pen, width, height, m) {
    const x = width - 46, y = height - 44;
    ["x", "y", "z, axis"].forEach((name, axis) => {
      const [dx, dy] = [m[axis], m[axis + 3]];
      if (Math.hypot(dx, dy) < 0.25) return;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x + 26 * dx, y - 26 * dy);
      pen.stroke();
      pen.textAlign = dx > 0.5 ? "right" : "center";
      pen.fillText(name, x + 34 * dx + (dx > 0.5 ? 8 : 0), y - 34 * dy + (dx > 0.5 ? -5 : 4));
    });
    pen.textAlign = "start";
  }

  argand.views.chains = async (stage, data, figure) => {
    const shape = drawing(data, await argand.array(data.tenths));
    const canvas = element("canvas", {style: "touch-action: pan-y; width: 100%; height: 100%; object-fit: contain"}), pen = canvas.getContext("2d");
    let matrix, scale, shades, playing = false, waiting = false;
    stage.append(canvas);
    stage.setAttribute("tabindex", "0");

    function redraw() {
      waiting = false;
      const {clientWidth: width, clientHeight: height} = stage, fine = Math.min(2, devicePixelRatio || 1);
      if (!width) return;
      [canvas.width, canvas.height] = [width * fine, height * fine];
      const ground = argand.css("--stage");
      shades ??= shadesOf(data, ground);
      pen.setTransform(fine, 0, 0, fine, 0, 0);
      pen.fillStyle = ground;
      pen.fillRect(0, 0, width, height);
      shape.draw(pen, width, height, scale, shades, ground);
      pen.fillStyle = pen.strokeStyle = argand.css("--ink");
      pen.lineWidth = 1.5;
      pen.font = "12px system-ui, sans-serif";
      drawScaleBar(pen, height, scale);
      drawAxes(pen, width, height, matrix);
      pen.font = "600 13px system-ui, sans-serif";
      pen.fillText(data.title, 12, 20);
    }
    const later = () => { if (!waiting) waiting = requestAnimationFrame(redraw); };
    function turnTo(made) {
      matrix = made;
      shape.turn(matrix);
      later();
    }
    function fit() {
      const [x, y] = shape.reach();
      scale = Math.min(0.47 * stage.clientWidth / x, 0.4 * stage.clientHeight / y);
      later();
    }
    const look = made => { turnTo(made); fit(); };
    function play(now) {
      playing = now;
      let before = null;
      const step = time => {
        if (!playing || !stage.isConnected) return;
        turnTo(times(matrix, about(2, Math.min(0.1, (time - (before ?? time)) / 2500))));
        before = time;
        requestAnimationFrame(step);
      };
      if (now) requestAnimationFrame(step);
    }
    const zoom = factor => { scale *= factor; later(); };

    let held = null;
    canvas.addEventListener("pointerdown", event => { held = event; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", event => {
      if (!held) return;
      const dx = event.clientX - held.clientX, dy = event.clientY - held.clientY;
      held = event;
      turnTo(times(about(0, dy / 150), times(about(1, dx / 150), matrix)));
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });
    const keys = {ArrowLeft: [1, -STEP], ArrowRight: [1, STEP], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]};
    stage.addEventListener("keydown", event => {
      const [axis, angle] = keys[event.key] ?? [];
      if (axis !== undefined) turnTo(times(about(axis, angle), matrix));
      else if (event.key === "+" || event.key === "=") zoom(1.2);
      else if (event.key === "-") zoom(1 / 1.2);
      else return;
      event.preventDefault();
    });
    argand.tools(figure).append(argand.button("from the side", null, () => look(SIDE)),
      argand.button("along the axis", null, () => look(ALONG)), argand.button("rotate", false, play),
      argand.button("+", null, () => zoom(1.2)), argand.button("−", null, () => zoom(1 / 1.2)),
      argand.button("save as PNG", null, () => {
        redraw();
        canvas.toBlob(blob => argand.save(blob, "chains.png"));
      }));
    argand.onTheme(() => { shades = null; later(); });
    new ResizeObserver(fit).observe(stage);
    // Tilted a little, so that the sheets are told apart.
    look(times(about(0, 0.25), times(about(1, 0.2), SIDE)));
  };
}
