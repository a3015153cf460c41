// Uploads a file with tus-js-client as an app on a phone would: node upload.mjs '{"file": …, "endpoint": …, …}'
//
// A connection that says nothing any more for `patience` milliseconds is given up, and the upload is gone on with: by
// another Upload, since one that is started again right after its abort() takes the end of the old request for an error
// of the new one, and goes on twice. Prints the digest that the server answered.
import { readFileSync } from 'node:fs'
import { Upload } from 'tus-js-client'

const { file, endpoint, token, chunkSize, patience, retries, retryDelay } = JSON.parse(process.argv[2])
const content = readFileSync(file)
let photo = null
let watch

function send(uploadUrl) {
  function alive() {
    clearTimeout(watch)
    watch = setTimeout(goOn, patience)
  }

  async function goOn() {
    await upload.abort()
    send(upload.url)
  }

  const upload = new Upload(content, {
    endpoint,
    uploadUrl,
    headers: { Authorization: token },
    metadata: { filename: '楼道.jpg' },
    chunkSize: chunkSize ?? Infinity,
    retryDelays: Array(retries).fill(retryDelay),
    onProgress: alive,
    onAfterResponse(_, response) {
      alive()
      photo = response.getHeader('Anxun-Photo') ?? photo
    },
    onError(error) {
      console.error(String(error))
      process.exit(1)
    },
    onSuccess() {
      clearTimeout(watch)
      console.log(photo)
    },
  })
  alive()
  upload.start()
}

send(null)
