// Draw each figure of DATA in its placeholder.
DATA.forEach((figure, number) =>
  Plotly.newPlot(`figure-${number}`, figure.data, figure.layout, { responsive: true, displaylogo: false }));
