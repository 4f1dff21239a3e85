argand.views.structure = async (stage, data) => { stage.textContent = "structure"; };
