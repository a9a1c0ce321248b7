// Every list of the page becomes one to work from. What is for readers without a script alone is taken away.

for (const note of document.querySelectorAll(".static")) note.remove();

for (const [name, list] of Object.entries(DATA.lists)) {
  new WorkList(document.getElementById(`list-${name}`), name, list);
}
