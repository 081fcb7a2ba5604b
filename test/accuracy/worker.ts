/** A process that scans simdloss. */
import * as simdloss from "simdloss";
import { serve } from "./serve.js";

serve(simdloss);
