// What the lists are made of, as the page holds it.

const DATA = JSON.parse(document.getElementById("data").textContent);
