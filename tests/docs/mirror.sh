# A publisher on this machine, whose every file is a few bytes: fetching asks it, and refuses them by their length or MD5.
python3 - >port <<'END' &
import http.server

class Few(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"\x1f\x8b few"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.HTTPServer(("127.0.0.1", 0), Few)
print(server.server_port, flush=True)
server.serve_forever()
END
mirror=$!
trap 'kill $mirror' EXIT
until [ -s port ]; do sleep 0.1; done

# NAME [--to DIR]: `kindred data fetch`, from there.
fetch_refused() {
    ! command kindred data fetch "$@" --from "http://127.0.0.1:$(cat port)/" >fetched 2>&1
    cat fetched
    grep -q 'file has 6 bytes, and not\|its MD5 is .* and should be' fetched
}
