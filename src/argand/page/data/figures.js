// Each figure of DATA in its place.
DATA.forEach((figure, number) =>
  Plotly.newPlot(`figure-${number}`, figure.data, figure.layout, { responsive: true, displaylogo: false }));
