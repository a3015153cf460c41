"use strict";
const form = document.getElementById("sign-in");
const message = document.getElementById("message");
const chinese = { "accept-language": "zh-CN" }; // the page is Chinese, whatever the browser prefers

async function showPhoto() {
  const fields = new FormData(form);
  const body = { username: fields.get("username"), password: fields.get("password"), device: "照片页面" };
  if (fields.get("totp")) body.totp = fields.get("totp");
  const options = { method: "POST", headers: { ...chinese, "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(form.dataset.signIn, options);
  const session = await answer.json();
  if (!answer.ok) throw new Error(session.detail || session.title);
  const headers = { ...chinese, authorization: `Bearer ${session.access_token}` };
  const photo = await fetch(form.dataset.photo, { headers });
  await fetch(form.dataset.signOut, { method: "POST", headers });
  if (!photo.ok) throw new Error((await photo.json()).title);
  const picture = document.createElement("img");
  picture.alt = "隐患照片";
  picture.src = URL.createObjectURL(await photo.blob());
  document.getElementById("shown").replaceChildren(picture);
  form.hidden = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  message.textContent = "";
  showPhoto().catch((error) => { message.textContent = error.message; });
});
