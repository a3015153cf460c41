// Uploads a file with tus-js-client as an app on a phone would: node upload.mjs '{"file": …, "endpoint": …, …}'
//
// At SIGUSR2 the connection is given up, as an app does where it has said nothing for long, and the upload is gone on with:
// by another Upload, since one that is started again right after its abort() takes the end of the old request for an
// error of the new one, and goes on twice. Prints the digest that the server answered.
import { readFileSync } from 'node:fs'
import { Upload } from 'tus-js-client'

const { file, endpoint, token, chunkSize, retries, retryDelay } = JSON.parse(process.argv[2])
const content = readFileSync(file)
let photo = null
let upload

function send(uploadUrl) {
  upload = new Upload(content, {
    endpoint,
    uploadUrl,
    headers: { Authorization: token },
    metadata: { filename: '楼道.jpg' },
    chunkSize: chunkSize ?? Infinity,
    retryDelays: Array(retries).fill(retryDelay),
    onAfterResponse(_, response) {
      photo = response.getHeader('Anxun-Photo') ?? photo
    },
    onError(error) {
      console.error(String(error))
      process.exit(1)
    },
    onSuccess() {
      console.log(photo)
    },
  })
  upload.start()
}

process.on('SIGUSR2', async () => {
  const { url } = upload
  await upload.abort()
  send(url)
})

send(null)
