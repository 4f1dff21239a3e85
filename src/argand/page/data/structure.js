// Structures: flat balls, a first simple drawing.
argand.views.structure = async (stage, data, figure) => {
  const places = await argand.array(data.places), lattices = await argand.array(data.lattices);
  let first = 0, number = 0;
  for (const panel of data.panels) {
    const [kinds, , , , periodic, , , title] = panel.frames[0], elements = data.kinds[kinds];
    const step = data.steps[periodic], m = lattices.subarray(9 * number, 9 * number + 9);
    const canvas = argand.element("canvas", {width: 400, height: 400, title: `${panel.title} ${title}`});
    const pen = canvas.getContext("2d");
    stage.append(canvas);
    elements.forEach((kind, i) => {
      const f = [0, 1, 2].map(k => places[3 * (first + i) + k] * step);
      const at = k => m[k] * f[0] + m[3 + k] * f[1] + m[6 + k] * f[2];
      pen.beginPath();
      pen.fillStyle = data.looks[kind][4];
      pen.arc(100 + 20 * at(0), 300 - 20 * at(1), 20 * data.looks[kind][1] / 2, 0, 7);
      pen.fill();
    });
    for (const frame of panel.frames) { first += data.kinds[frame[0]].length; number += 1; }
  }
};
