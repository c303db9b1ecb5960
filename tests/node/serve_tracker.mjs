// Runs npm's bittorrent-tracker server for WebSocket and prints its address and process, for measuring beside ours.
import Server from 'bittorrent-tracker/server'

const server = new Server({ http: true, udp: false, ws: true, stats: false })
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ address: `127.0.0.1:${server.http.address().port}`, process: process.pid }))
})
