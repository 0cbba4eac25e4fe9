"use strict";
(() => {
  const root = document.documentElement;
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const places = [...document.querySelectorAll("[data-plot]")];
  const drawn = new Set();
  const narrow = matchMedia("(max-width: 640px)");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)");
  let shown = -1;

  const webgl = (() => {
    try { return Boolean(document.createElement("canvas").getContext("webgl")); } catch { return false; }
  })();
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function figure(name) {
    const { data, layout, zh } = structuredClone(plots[name]);
    const whole = { data, layout };
    if (root.dataset.language === "zh") {
      for (const [path, value] of zh) {
        let node = whole;
        for (const step of path.slice(0, -1)) node = node[step];
        node[path.at(-1)] = value;
      }
    }
    for (const trace of data) if (trace.type === "scattergl" && !webgl) trace.type = "scatter";
    layout.font.color = colour("--soft");
    layout.hoverlabel.bgcolor = colour("--surface");
    layout.hoverlabel.bordercolor = colour("--line");
    layout.hoverlabel.font.color = colour("--ink");
    layout.autosize = true;
    if (name === "plot-map") map(data, layout);
    return whole;
  }

  function map(data, layout) {
    layout.height = narrow.matches ? 298 : 410;
    if (touch.matches || narrow.matches) layout.dragmode = false;
    (layout.annotations || []).forEach((label, position) => {
      label.bgcolor = colour("--surface");
      label.opacity = 0.92;
      label.font.color = colour("--ink");
      if (narrow.matches) Object.assign(label, { text: "<b>" + label.name + "</b>", ay: 0, ax: 0, showarrow: false });
      label.visible = label.visible !== false && (shown < 0 || position === shown);
    });
    data.forEach((trace, position) => {
      if (shown >= 0 && position !== shown) trace.marker = { ...trace.marker, color: colour("--bar"), opacity: 0.35 };
    });
  }

  function draw(place) {
    const name = place.dataset.plot;
    const { data, layout } = figure(name);
    const isMap = name === "plot-map";
    drawn.add(place);
    return Plotly.react(place, data, layout, {
      responsive: true, displaylogo: false, scrollZoom: false, displayModeBar: isMap && !touch.matches && !narrow.matches,
      modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
    });
  }

  const redraw = () => drawn.forEach(draw);
  const drawAll = () => places.forEach((place) => drawn.has(place) || draw(place));

  function speak(language) {
    root.dataset.language = language;
    root.lang = language === "zh" ? "zh-Hans" : "en";
    const title = document.querySelector("h1 ." + language) || document.querySelector("h1");
    document.title = title.textContent;
    redraw();
  }

  function show(position) {
    shown = position === shown ? -1 : position;
    for (const button of document.querySelectorAll("button[data-show]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.show) === shown));
    }
    const place = document.querySelector("[data-plot=plot-map]");
    if (place) draw(place);
  }

  const isDark = () => (root.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  // report.html#?language=zh&theme=dark opens it that way
  const asked = new URLSearchParams(location.hash.replace(/^#\?/, ""));
  const theme = asked.get("theme");
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  const language = asked.get("language");
  if (language === "en" || language === "zh") speak(language);

  document.getElementById("language").addEventListener("click", () => {
    speak(root.dataset.language === "zh" ? "en" : "zh");
  });
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    redraw();
  });
  dark.addEventListener("change", redraw);
  narrow.addEventListener("change", redraw);
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => {
      const position = Number(button.dataset.show);
      if (button.tagName === "A") shown = -1;
      show(position);
    });
  }
  let before;
  addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.theme = "light"; redraw(); drawAll(); });
  addEventListener("afterprint", () => { if (before) root.dataset.theme = before; else delete root.dataset.theme; redraw(); });

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "600px" });
  places.forEach((place) => seen.observe(place));
})();
