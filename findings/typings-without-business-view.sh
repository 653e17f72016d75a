#!/usr/bin/env bash
# WeChat's own types of the mini program APIs lack the call by which a buyer confirms the receipt of the goods.
#
# WeChat frees a shop's money after the receipt, and tells shops to open its page for that by `wx.openBusinessView`. One would guess that
# WeChat's own package of types knows the call. miniprogram-api-typings 5.2.3 does not, so a strict TypeScript project does not compile
# with it. Of two frameworks' own types, @dcloudio/types 3.4.32 lacks it too, and @tarojs/taro 4.2.1 has it.
# A project declares the call itself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > npm.log
npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps \
  miniprogram-api-typings@5.2.3 typescript@5.9.3 @dcloudio/types@3.4.32 @tarojs/taro@4.2.1

cat > receipt.ts <<'TS'
wx.openBusinessView({ businessType: 'weappOrderConfirm', extraData: { transaction_id: '4200000000000000000000000001' } })
TS
cat > tsconfig.json <<'JSON'
{ "compilerOptions": { "strict": true, "noEmit": true, "lib": ["ES2020"], "types": ["miniprogram-api-typings"] }, "files": ["receipt.ts"] }
JSON
{
  npx tsc | grep -o "error TS[0-9]*: Property '[A-Za-z]*' does not exist" || true
  for package in miniprogram-api-typings @dcloudio/types @tarojs/taro; do
    if grep -rq openBusinessView "node_modules/$package" --include=*.d.ts; then has=yes; else has=no; fi
    echo "$package has it: $has"
  done
} | tee found
diff - found <<'END'
error TS2339: Property 'openBusinessView' does not exist
miniprogram-api-typings has it: no
@dcloudio/types has it: no
@tarojs/taro has it: yes
END
