argand.views.image = async (stage, data) => { stage.textContent = "image"; };
