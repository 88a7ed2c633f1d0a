import { confirmForms } from './confirm.js'
import { openForErrors, stripNotice, closeMenus } from './page.js'
import { followLive } from './live.js'

confirmForms()
closeMenus()
stripNotice()
openForErrors()
followLive()
