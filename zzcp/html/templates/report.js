"use strict";
const charts = JSON.parse(document.getElementById("charts").textContent);
for (const [name, chart] of Object.entries(charts)) {
  const place = document.getElementById(`chart-${name}`);
  const narrow = place.clientWidth < 600;
  if (narrow) { chart.layout.font.size = 10; }
  Plotly.newPlot(place, chart.data, chart.layout, { responsive: true, displaylogo: false, displayModeBar: narrow ? false : "hover" });
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
