"use strict";
// Everything that a page does. Its data stand in the element #data; nothing is fetched.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- light and dark
  const themes = ["light dark", "light", "dark"];
  const button = document.getElementById("theme");
  let theme = 0;
  button.addEventListener("click", () => {
    theme = (theme + 1) % themes.length;
    document.documentElement.style.colorScheme = themes[theme];
    button.textContent = ["auto", "light", "dark"][theme];
  });

  // --- charts
  const scaled = (spec, logarithmic) => {
    const copy = structuredClone(spec);
    for (const axis of ["x", "y"]) {
      const name = (spec.usermeta || {})[axis];
      if (!logarithmic[axis] || !name) continue;
      for (const layer of [copy, ...(copy.layer || [])]) {
        const channel = (layer.encoding || {})[axis];
        if (!channel || channel.type !== "quantitative") continue;
        channel.scale = { ...channel.scale, type: name, nice: false };
        if (name === "log") delete channel.scale.zero; // which no logarithmic axis has
      }
    }
    return copy;
  };
  // `ast` interprets expressions: the page's policy forbids to compile text.
  const embed = (place, logarithmic = {}) =>
    vegaEmbed(place, scaled(data.charts[place.dataset.chart], logarithmic), {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true,
    });
  const drawn = Promise.all(all("[data-chart]").map((place) => embed(place)));
  for (const section of all("section")) {
    const switches = all("input[data-log]", section);
    const redraw = () => {
      const logarithmic = Object.fromEntries(switches.map((one) => [one.dataset.log, one.checked]));
      all("[data-chart]", section).forEach((place) => embed(place, logarithmic));
    };
    switches.forEach((one) => one.addEventListener("change", redraw));
  }
  // A chart in closed details has no width until it is opened.
  for (const details of all("details")) {
    details.addEventListener("toggle", () => all("[data-chart]", details).forEach((place) => embed(place)), { once: true });
  }

  // --- pictures
  const sheets = new Map();
  const sheet = (name) => {
    if (!sheets.has(name)) {
      const image = new Image();
      image.src = data.sheets[name].src;
      sheets.set(name, image.decode().then(() => image));
    }
    return sheets.get(name);
  };
  const paint = (canvas, name, row, column, height = 1) => {
    const { w, h } = data.sheets[name];
    canvas.dataset.shows = `${name} ${row} ${column}`;
    return sheet(name).then((image) => {
      if (canvas.dataset.shows !== `${name} ${row} ${column}`) return; // moved on meanwhile
      canvas.width = w;
      canvas.height = h * height;
      canvas.getContext("2d").drawImage(image, column * w, row * h, w, h * height, 0, 0, w, h * height);
    });
  };
  const picture = (label) => {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    return canvas;
  };
  const put = (place, name, cells) => {
    const made = cells.map(([row, column, label, height]) => {
      const canvas = picture(label);
      if (label) canvas.title = label;
      paint(canvas, name, row, column, height);
      return canvas;
    });
    place.replaceChildren(...made);
  };
  const range = (length) => Array.from({ length }, (_, place) => place);

  const reconstructions = document.getElementById("reconstructions");
  if (reconstructions) {
    const { columns } = data.sheets.reconstructions, labels = data.labels.reconstructions;
    put(reconstructions, "reconstructions", range(columns).map((place) => [0, place, labels[place] || `image ${place}`, 2]));
  }
  for (const place of all("[data-line]")) {
    const row = Number(place.dataset.line);
    put(place, "interpolations", range(data.sheets.interpolations.columns).map((column) => [row, column, ""]));
  }

  // --- samples: a class and a temperature
  const samples = document.getElementById("samples");
  if (samples) {
    const temperature = document.getElementById("temperature"), chosen = document.getElementById("class");
    const show = () => {
      const place = temperature ? Number(temperature.value) : 0, name = `samples-${place}`;
      const { columns } = data.sheets[name], classes = data.labels.classes;
      if (temperature) document.getElementById("temperature-value").textContent = data.labels.temperatures[place];
      const one = chosen && chosen.value !== "all";
      const rows = !chosen ? [0] : one ? [Number(chosen.value)] : range(classes.length);
      samples.classList.toggle("single", !chosen || one);
      samples.replaceChildren(...rows.flatMap((row) => {
        const cells = document.createElement("div");
        cells.className = "cells";
        // The same noise stands in a column, so all classes show the same columns.
        put(cells, name, range(one || !chosen ? columns : Math.min(columns, 10)).map((column) => [row, column, classes[row] || "sample"]));
        if (!chosen || one) return [cells];
        const label = document.createElement("span");
        label.className = "label";
        label.textContent = classes[row];
        return [label, cells];
      }));
    };
    [temperature, chosen].filter(Boolean).forEach((one) => one.addEventListener("input", show));
    show();
  }

  // --- traversals: a slider for each dimension
  const traversals = document.getElementById("traversals");
  if (traversals) {
    const example = document.getElementById("example");
    const show = (card) => {
      const row = Number(card.dataset.dimension), slider = card.querySelector("input"), step = Number(slider.value);
      const place = example ? Number(example.value) : 0;
      const value = data.labels.values[place][row][step];
      card.querySelector("output").textContent = value.toFixed(2);
      slider.setAttribute("aria-valuetext", `value ${value}, quantile ${data.labels.quantiles[step]}`);
      paint(card.querySelector("canvas"), `traversals-${place}`, row, step);
    };
    const cards = all("[data-dimension]", traversals);
    cards.forEach((card) => {
      card.querySelector("input").addEventListener("input", () => show(card));
      show(card);
    });
    if (example) example.addEventListener("input", () => cards.forEach(show));
    document.getElementById("middle").addEventListener("click", () => cards.forEach((card) => {
      card.querySelector("input").value = Math.floor(data.labels.quantiles.length / 2);
      show(card);
    }));
  }

  // --- tables: sort by a column, filter by text
  const key = (cell) => {
    const text = cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
    return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return a === b ? 0 : a === "" ? 1 : -1; // what is missing comes last
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  for (const table of all("table.sortable")) {
    const heads = all("thead th", table), body = table.tBodies[0];
    heads.forEach((head, place) => {
      const control = document.createElement("button");
      control.type = "button";
      control.append(...head.childNodes);
      head.append(control);
      control.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const keyed = all("tr", body).map((row) => [key(row.cells[place]), row]);
        keyed.sort(([a], [b]) => (a === "" || b === "" || up ? compare(a, b) : compare(b, a)));
        body.append(...keyed.map(([, row]) => row));
      });
    });
  }
  for (const filter of all("input[data-filter]")) {
    const rows = all("tbody tr", document.getElementById(filter.dataset.filter));
    const count = document.getElementById(`${filter.dataset.filter}-count`);
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      rows.forEach((row) => {
        const text = `${row.textContent} ${row.dataset.text || ""}`.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      });
      if (count) count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
    });
  }

  // --- the command, to copy
  for (const copy of all("button[data-copy]")) {
    if (!navigator.clipboard) { copy.hidden = true; continue; }
    copy.addEventListener("click", () => {
      navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent.trim())
        .then(() => { copy.textContent = "copied"; }, () => { copy.hidden = true; });
    });
  }

  // Closed details would be missing on paper.
  addEventListener("beforeprint", () => all("details").forEach((one) => { one.open = true; }));
  drawn.then(() => { document.documentElement.dataset.ready = "yes"; });
})();
