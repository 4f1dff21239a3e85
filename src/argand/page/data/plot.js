argand.views.plot = async (stage, data) => { stage.textContent = "plot"; };
