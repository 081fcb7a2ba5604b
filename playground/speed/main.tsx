import { show } from "../shell/page.js";

await show("speed", () => <h1>speed</h1>);
