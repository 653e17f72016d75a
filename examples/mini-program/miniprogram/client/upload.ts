import { type Cancellation } from './cancellation'
import { type Client } from './client'
import { Failure, cancelled, isFailure, toFailure } from './failure'
import { refusal, withoutAnswer } from './transport'
import type { Answer, Body, UploadKind } from './types'

type Form = Answer<'/api/uploads', 'post'>
type ContentType = Body<'/api/uploads', 'post'>['contentType']

/** Uploads a file straight into the bucket, with a form that the back end signs. A second upload with the same form replaces the first. */
export async function uploadFile(client: Client, kind: UploadKind, filePath: string, cancellation?: Cancellation): Promise<string> {
  const { size, contentType } = await inspect(filePath)
  const form = await client.post('/api/uploads', { kind, contentType, size }, { repeatable: true, cancellation })
  try {
    await sendFile(form, filePath, cancellation)
  } catch (error) {
    if (!isFailure(error) || !['unavailable', 'offline', 'timeout'].includes(error.kind)) throw error
    await client.wait(500, cancellation)
    await sendFile(form, filePath, cancellation)
  }
  return form.objectKey
}

/** The success callback runs for every status, and only 201 means that the file is stored. */
function sendFile({ url, fields }: Form, filePath: string, cancellation?: Cancellation): Promise<void> {
  return new Promise((resolve, reject) => {
    if (cancellation?.cancelled) {
      reject(cancelled())
      return
    }
    const task = wx.uploadFile({
      url,
      filePath,
      // WeChat sends the fields of `formData` first, and the form must have its file last.
      name: 'file',
      formData: fields,
      success: ({ statusCode }) => (statusCode === 201 ? resolve() : reject(uploadRefusal(statusCode))),
      fail: ({ errMsg }) => reject(cancellation?.cancelled ? cancelled(errMsg) : withoutAnswer(errMsg)),
      complete: () => removeListener(),
    })
    const removeListener = cancellation?.onCancel(() => task.abort()) ?? (() => {})
  })
}

/** The bucket answers in XML, which is no message for users. */
function uploadRefusal(statusCode: number): Failure {
  return statusCode >= 500 ? refusal(statusCode, {}, undefined) : new Failure('refused', '文件上传失败，请重新选择', { statusCode })
}

/** The size, and the type by the first bytes, because the name of a chosen file says nothing about it. */
async function inspect(filePath: string): Promise<{ size: number; contentType: ContentType }> {
  const files = wx.getFileSystemManager()
  const bytes = await new Promise<ArrayBuffer>((resolve, reject) => {
    files.readFile({ filePath, success: ({ data }) => resolve(data as ArrayBuffer), fail: (error) => reject(toFailure(error)) })
  })
  const hex = [...new Uint8Array(bytes.slice(0, 4))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const contentType = KINDS.find(([prefix]) => hex.startsWith(prefix))?.[1]
  if (!contentType) throw new Failure('phone', '不支持该文件格式')
  return { size: bytes.byteLength, contentType }
}

const KINDS: [prefix: string, contentType: ContentType][] = [
  ['ffd8ff', 'image/jpeg'],
  ['89504e47', 'image/png'],
  ['47494638', 'image/gif'],
  ['424d', 'image/bmp'],
]
