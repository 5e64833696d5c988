// A partner for the tests: npm's libas2 behind Node's HTTP server.
// node server.js KEY CERTIFICATE OTHER_CERTIFICATE, with NODE_PATH where libas2 is; prints its port, ends with stdin.
// POST /          an AS2 message; answers with a signed notification
// GET  /messages  what was taken: [{id, digest}], the digest being the MIC that was answered

const { readFileSync } = require('fs')
const http = require('http')
const { AS2Parser } = require('libas2')

const [key, certificate, other] = process.argv.slice(2).map(name => readFileSync(name, 'utf8'))
const agreement = {
  host: { name: 'partner', id: 'partner', url: 'http://partner.invalid', certificate, privateKey: key, sign: true, mdn: { signing: 'sha-256' } },
  partner: { name: 'own', id: 'own', url: 'http://own.invalid', certificate: other, verify: true, mdn: { signing: 'sha-256' } }
}
const taken = []

async function receive (request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const message = await AS2Parser.parse({ headers: request.rawHeaders, content: Buffer.concat(chunks) })
  const { dispositionNode, disposition } = await message.dispositionOut({ agreement })
  const { processed, description } = disposition.notification.disposition
  if (processed && !description) {
    const digest = Buffer.from(disposition.notification.receivedContentMic.mic, 'base64').toString('hex')
    taken.push({ id: message.messageId(), digest })
  }
  const whole = (await dispositionNode.build()).toString('latin1')
  const end = whole.indexOf('\r\n\r\n')
  const headers = {}
  for (const line of whole.slice(0, end).replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon)] = line.slice(colon + 1).trim()
  }
  return { headers, body: Buffer.from(whole.slice(end + 4), 'latin1') }
}

const server = http.createServer(async (request, response) => {
  try {
    if (request.method === 'POST') {
      const { headers, body } = await receive(request)
      response.writeHead(200, headers).end(body)
    } else {
      response.writeHead(request.url === '/messages' ? 200 : 404, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify(taken))
    }
  } catch (error) {
    console.error(error)
    response.writeHead(500).end(String(error))
  }
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit(0)).resume()
