// An import of node:http reads all that it exports, and three of these load the second HTTP client inside Node: 80 ms and 15 MB for
// what nothing here uses. They are taken away before anything is imported, so that neither our imports nor a dependency's pay it.
const http = process.getBuiltinModule("node:http");
for (const name of ["WebSocket", "CloseEvent", "MessageEvent"]) delete http[name];
