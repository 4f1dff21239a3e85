"use strict";
// The page of a run: its progress while it is not over, cancelling and deleting it.
(() => {
  const ASK_MS = 500, card = document.getElementById("run"), address = `/api/runs/${encodeURIComponent(card.dataset.run)}`;
  const byId = id => document.getElementById(id), wrong = byId("wrong");

  function rate(progress) {
    const parts = [`${progress.title}: ${Math.round(100 * progress.share)} %`];
    if (progress.rate > 0) parts.push(`${progress.rate.toPrecision(3)} ${progress.unit}/s`);
    if (progress.left_s !== null) parts.push(`${app.duration(progress.left_s)} left`);
    if (progress.note) parts.push(progress.note);
    return parts.join(", ");
  }

  function show(run) {
    const bar = byId("progress");
    byId("told").textContent = run.state === "queued" ? `${run.before ?? 0} before it`
      : `for ${app.duration(Math.max(0, (Date.now() - new Date(run.started)) / 1000))}`;
    if (run.progress) {
      bar.value = run.progress.share;
      byId("rate").textContent = rate(run.progress);
    } else if (run.state === "running") {
      byId("rate").textContent = "reading files and weights";
    }
    byId("log").textContent = run.log.join("\n");
  }

  async function follow() {
    try {
      const run = await app.ask("GET", address);
      if (run.state !== card.dataset.state) return location.reload();
      show(run);
      app.complain(wrong, "");
    } catch (error) {
      app.complain(wrong, `no news of this run: ${error.message}`);
    }
    setTimeout(follow, ASK_MS);
  }

  function onClick(id, action) {
    byId(id)?.addEventListener("click", async event => {
      event.target.disabled = true;
      try {
        await action(event.target);
      } catch (error) {
        event.target.disabled = false;
        app.complain(wrong, error.message);
      }
    });
  }

  onClick("cancel", async button => {
    await app.ask("POST", `${address}/cancel`);
    button.textContent = "Cancelling …";
  });
  onClick("delete", async button => {
    // Asked twice, in place: a dialogue would stop the page.
    if (button.dataset.sure) {
      await app.ask("DELETE", address);
      location.assign("/runs");
      return;
    }
    button.dataset.sure = "yes";
    button.textContent = "Really delete its files?";
    button.disabled = false;
  });
  if (["queued", "running"].includes(card.dataset.state)) follow();
})();
