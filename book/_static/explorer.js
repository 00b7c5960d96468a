/* Turns the data of a threshold explorer into two sliders and a small table. Without this script the sentence beside
   the data stays. No library, no request: it must work from a file and without a network. */
(() => {
  "use strict";
  const make = (tag, attributes = {}, text = "") => {
    const element = Object.assign(document.createElement(tag), { textContent: text });
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };

  const start = (root, number) => {
    if (root.dataset.ready) return;
    root.dataset.ready = "yes";
    const data = JSON.parse(root.querySelector("script").textContent);
    const last = data.grid.length - 1;
    const sliders = ["alpha", "beta"].map((name, i) => {
      const id = `explorer-${number}-${name}`;
      const row = make("div", { class: "explorer-slider" });
      const input = make("input", { type: "range", id, min: 0, max: last, step: 1, value: data.best[i] });
      const shown = make("output", { for: id });
      row.append(make("label", { for: id }, data.names[i]), input, shown);
      return { row, input, shown };
    });
    const table = make("table");
    table.append(make("caption", {}, data.caption));
    const body = table.createTBody();
    const rows = data.metrics.map((name) => {
      const row = body.insertRow();
      row.append(make("th", { scope: "row" }, name));
      const value = row.insertCell();
      value.className = "num";
      const bar = make("div", { class: "explorer-bar" });
      row.insertCell().append(bar);
      return { value, bar };
    });
    const status = make("p", { role: "status", class: "explorer-status" });
    const show = () => {
      const [i, j] = sliders.map((slider) => Number(slider.input.value));
      sliders.forEach((slider, k) => {
        slider.shown.textContent = data.grid[[i, j][k]].toFixed(2);
        slider.input.setAttribute("aria-valuetext", slider.shown.textContent);
      });
      const presence = data.presence[i];
      const salience = data.salience[i][j];
      const composite = (presence + salience) / 2;
      [presence, salience, composite].forEach((value, k) => {
        rows[k].value.textContent = value.toFixed(3);
        rows[k].bar.style.setProperty("--share", value / data.scale);
      });
      const behind = data.composite - composite;
      status.textContent = behind < 2e-6 ? data.at_best : `${data.below_best} ${behind.toFixed(3)}.`;
    };
    sliders.forEach((slider) => slider.input.addEventListener("input", show));
    root.querySelector(".explorer-static").hidden = true;
    root.append(...sliders.map((slider) => slider.row), table, status);
    show();
  };

  const all = () => document.querySelectorAll(".explorer").forEach(start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all);
  else all();
})();
