"use strict";
const make = (name, text, parent) => {
  const one = document.createElement(name);
  if (text) one.textContent = text;
  if (parent) parent.append(one);
  return one;
};

const fields = (operation, into) => {
  const table = make("table", "", into);
  const found = [];
  for (const one of operation.parameters || []) {
    const row = make("tr", "", table);
    make("code", one.name, make("td", "", row));
    make("td", one.in + (one.required ? ", required" : ""), row);
    const input = make("input", "", make("td", "", row));
    input.setAttribute("aria-label", one.name);
    make("td", one.description || (one.schema && one.schema.description) || "", row);
    found.push([one, input]);
  }
  return found;
};

const body = (operation, into) => {
  if (!operation.requestBody) return null;
  const kinds = operation.requestBody.content;
  const type = Object.keys(kinds)[0];
  make("p", "Body: " + type, into);
  make("pre", JSON.stringify(kinds[type].schema, null, 2), into);
  const text = make("textarea", "", into);
  text.setAttribute("aria-label", "body");
  return [type, text];
};

const send = async (path, method, given, content, out) => {
  let target = path;
  const query = new URLSearchParams();
  const headers = {};
  const token = document.getElementById("token").value.trim();
  if (token) headers.authorization = "Bearer " + token;
  for (const [one, input] of given) {
    if (!input.value) continue;
    if (one.in === "path") target = target.replace("{" + one.name + "}", encodeURIComponent(input.value));
    else if (one.in === "query") query.append(one.name, input.value);
    else headers[one.name] = input.value;
  }
  if (content) headers["content-type"] = content[0];
  const rest = query.toString() ? "?" + query : "";
  try {
    const answer = await fetch("." + target + rest, {
      method: method.toUpperCase(), headers, body: content ? content[1].value : undefined,
    });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* no JSON */ }
    out.textContent = answer.status + " " + answer.statusText + "\n" + shown;
  } catch (error) {
    out.textContent = String(error);
  }
};

const show = (api) => {
  const main = document.getElementById("routes");
  main.textContent = "";
  const parts = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = (operation.tags || ["gateway"])[0];
      if (!parts.has(tag)) parts.set(tag, make("h2", tag, main) && make("section", "", main));
      const box = make("details", "", parts.get(tag));
      const head = make("summary", "", box);
      const word = make("span", method.toUpperCase(), head);
      word.className = "method";
      make("code", path, head);
      make("span", " " + (operation.summary || ""), head);
      if (operation.description) make("p", operation.description, box);
      const given = fields(operation, box);
      const content = body(operation, box);
      const button = make("button", "Send", box);
      const out = make("pre", "", box);
      button.addEventListener("click", () => send(path, method, given, content, out));
    }
  }
};

fetch("openapi.json").then((answer) => answer.json()).then(show, (error) => {
  document.getElementById("routes").textContent = String(error);
});
