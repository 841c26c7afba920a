/** The current time, updated every half minute by default, for texts like "3 min". */
import { useEffect, useState } from "react"

export const useNow = (everyMillis = 30_000): number => {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMillis)
    return () => clearInterval(timer)
  }, [everyMillis])
  return now
}
