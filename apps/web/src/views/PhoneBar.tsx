/** On a phone the rail is a page of its own: the way back to it. */
import { Icon } from "../ui/Icon.tsx"

export const PhoneBar = () => (
  <div className="phone-bar">
    <a className="button quiet" href="#/" aria-label="All threads">
      <Icon name="back" /> Threads
    </a>
  </div>
)
