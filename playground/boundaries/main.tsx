import { show } from "../shell/page.js";

await show("boundaries", () => <h1>boundaries</h1>);
