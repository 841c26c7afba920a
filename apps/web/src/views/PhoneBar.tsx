/** The link back to the rail, which is a separate page on a phone. */
import { Icon } from "../ui/Icon.tsx"

export const PhoneBar = () => (
  <div className="phone-bar">
    <a className="button quiet" href="#/" aria-label="All threads">
      <Icon name="back" /> Threads
    </a>
  </div>
)
