argand.views.sections = async (stage, data) => { stage.textContent = "sections"; };
