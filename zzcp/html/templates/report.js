"use strict";
const charts = JSON.parse(document.getElementById("charts").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const INK = "#222222", PALE = "#e8e8e8";

/* Return a value with the ink of a dark ground wherever it has that of a white one. */
function inked(value) {
  if (value === INK) { return PALE; }
  if (Array.isArray(value)) { return value; }
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inked(part)]));
  }
  return value;
}

/* Return a layout with the colours of a ground. */
function grounded(layout, isDark) {
  const ink = isDark ? PALE : INK, soft = isDark ? "#3a4048" : "#dddddd", back = isDark ? "#15181c" : "#ffffff";
  const axis = { gridcolor: soft, linecolor: soft, zerolinecolor: isDark ? "#59616b" : "#bbbbbb" };
  return {
    ...layout,
    font: { ...layout.font, color: ink },
    paper_bgcolor: back,
    plot_bgcolor: back,
    modebar: { color: isDark ? "#8b949e" : "#999999", activecolor: ink, bgcolor: "rgba(0,0,0,0)" },
    hoverlabel: { ...layout.hoverlabel, bgcolor: isDark ? "#2a2f36" : "#ffffff", bordercolor: isDark ? "#8b949e" : "#666666", font: { color: ink } },
    xaxis: { ...layout.xaxis, ...axis },
    yaxis: { ...layout.yaxis, ...axis },
  };
}

/* Draw a chart, anew where it is there. */
function draw(name, isDark) {
  const chart = charts[name];
  const place = document.getElementById(`chart-${name}`);
  const narrow = place.clientWidth < 600;
  const layout = grounded(chart.layout, isDark);
  if (narrow) { /* the legend takes more lines */
    layout.font.size = 10;
    layout.height += 10 * chart.data.filter((trace) => trace.showlegend !== false).length;
  }
  const data = isDark ? chart.data.map(inked) : chart.data;
  return Plotly.react(place, data, layout, {
    responsive: true,
    displaylogo: false,
    displayModeBar: narrow ? false : "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d"],
    showSendToCloud: false, /* by default Plotly offers to upload the data */
    plotlyServerURL: "",
  });
}
function drawAll(isDark) { for (const name of Object.keys(charts)) { draw(name, isDark); } }
drawAll(dark.matches);
dark.addEventListener("change", () => drawAll(dark.matches));
window.addEventListener("beforeprint", () => drawAll(false));
window.addEventListener("afterprint", () => drawAll(dark.matches));

const choices = {
  quantity(chart, field) {
    const chosen = chart.quantities[field.value];
    chosen.y.forEach((values, number) => { chart.data[number].y = values; });
    chart.layout.yaxis.title.text = chosen.title;
  },
  objective(chart, field) {
    for (const trace of chart.data) {
      if (trace.meta) { trace.visible = !field.value || trace.meta === field.value; }
    }
  },
  log(chart, field) {
    for (const axis of chart.quantities ? [chart.layout.yaxis] : [chart.layout.xaxis, chart.layout.yaxis]) {
      axis.type = field.checked ? "log" : "linear";
      if (axis.range) { axis.range = axis.range.map((end) => field.checked ? Math.log10(end) : 10 ** end); }
    }
  },
};
for (const field of document.querySelectorAll("[data-choose]")) {
  field.addEventListener("change", () => {
    const name = field.dataset.chart;
    choices[field.dataset.choose](charts[name], field);
    draw(name, dark.matches);
  });
  /* browsers keep what was chosen when a page is loaded again */
  if (field instanceof HTMLInputElement) { field.checked = field.defaultChecked; }
  for (const option of field.options ?? []) { option.selected = option.defaultSelected; }
}
for (const table of document.querySelectorAll("table.nest")) {
  const lines = table.querySelectorAll(".code");
  const note = table.closest("details").querySelector("p.held");
  for (const cell of table.querySelectorAll(".hold")) {
    const show = () => {
      const first = Number(cell.dataset.first);
      for (const line of lines) { line.classList.toggle("lit", Number(line.dataset.line) >= first); }
      const loops = [...lines].filter((line) => line.classList.contains("lit")).map((line) => line.textContent.trim());
      const over = loops.filter((text) => text && text !== "multiply, accumulate").map((text) => text.replace(/^(for|parallel) /, ""));
      note.textContent = `${cell.textContent} holds the part of ${cell.dataset.operand} that these loops run over: ${over.join("; ") || "one element"}`;
    };
    const hide = () => {
      for (const line of lines) { line.classList.remove("lit"); }
      note.textContent = "\u00a0";
    };
    cell.addEventListener("mouseenter", show);
    cell.addEventListener("mouseleave", hide);
    cell.addEventListener("focus", show);
    cell.addEventListener("blur", hide);
  }
}
function openTarget() {
  const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
  if (target instanceof HTMLDetailsElement) { target.open = true; }
}
window.addEventListener("hashchange", openTarget);
openTarget();
window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) { part.open = true; }
});
document.documentElement.dataset.ready = "yes";
