using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "smoke", worker = (
    modules = [
      (name = "workerd.js", esModule = embed "workerd/workerd.js"),
      (name = "regression.f32.wasm", wasm = embed "workerd/regression.f32.wasm"),
      (name = "regression.f64.wasm", wasm = embed "workerd/regression.f64.wasm"),
      (name = "classification.f32.wasm", wasm = embed "workerd/classification.f32.wasm"),
      (name = "classification.f64.wasm", wasm = embed "workerd/classification.f64.wasm"),
      (name = "rows.f32.wasm", wasm = embed "workerd/rows.f32.wasm"),
      (name = "rows.f64.wasm", wasm = embed "workerd/rows.f64.wasm"),
    ],
    compatibilityDate = "2025-01-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "smoke")],
);
