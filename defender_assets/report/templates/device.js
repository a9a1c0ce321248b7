// What a device opens to, in a row below its own: a small table of each topic.

// A value that many devices share stands once in its column's words.
function wordOf(column, value) {
  return column.words && value !== null ? column.words[value] : value;
}

function topicTable(topic, rows) {
  const head = element("tr", "", ...topic.columns.map((column) => element("th", classOf(column), column.heading)));
  const body = rows.map((row) =>
    element("tr", "", ...topic.columns.map((column, place) => cellOf(column, wordOf(column, row[place])))),
  );
  return element("table", "cards", element("thead", "", head), element("tbody", "", ...body));
}

function deviceBox(place) {
  const box = element("div", "device-box", element("p", "quiet", "Device id: ", element("code", "", DATA.devices[place])));
  DATA.topics.forEach((topic, number) => {
    const { rows, total } = DATA.details[place][number];
    box.append(element("h4", "", topic.title));
    if (topic.absent) box.append(element("p", "notice", topic.absent));
    else if (!rows.length) box.append(element("p", "quiet", topic.none));
    else box.append(element("div", "wide", topicTable(topic, rows)));
    if (total > rows.length) box.append(element("p", "quiet", `… and ${inNumbers(total - rows.length)} more.`));
  });
  return box;
}

let boxes = 0;

// Makes the cell of a device a button, where the page has its details.
function opening(row, cell, place, width) {
  if (!DATA.details[place]) return;
  const button = element("button", "device", ...cell.childNodes);
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      row.nextElementSibling.remove();
      return;
    }
    const panel = element("td", "", deviceBox(place));
    panel.colSpan = width;
    const below = element("tr", "opened", panel);
    below.id = `device-${(boxes += 1)}`;
    button.setAttribute("aria-controls", below.id);
    row.after(below);
  });
  cell.append(button);
}
